from django.apps import AppConfig


class UnitConfig(AppConfig):
    name = "appliance.unit"
    label = "appliance_unit"
    verbose_name = "Unit"
    default_auto_field = "django.db.models.BigAutoField"
