from django.apps import AppConfig


class SchedulesConfig(AppConfig):
    name = "appliance.schedules"
    label = "appliance_schedules"
    verbose_name = "Schedules"
    default_auto_field = "django.db.models.BigAutoField"
