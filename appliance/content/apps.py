from django.apps import AppConfig


class ContentConfig(AppConfig):
    name = "appliance.content"
    label = "appliance_content"
    verbose_name = "Content"
    default_auto_field = "django.db.models.BigAutoField"
