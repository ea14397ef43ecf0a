from django.apps import AppConfig


class RecoveryConfig(AppConfig):
    name = "appliance.recovery"
    label = "appliance_recovery"
    verbose_name = "Recovery"
    default_auto_field = "django.db.models.BigAutoField"
