from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "appliance.notices"
    label = "appliance_notices"
    verbose_name = "Notices"
    default_auto_field = "django.db.models.BigAutoField"
