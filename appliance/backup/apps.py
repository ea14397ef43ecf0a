from django.apps import AppConfig


class BackupConfig(AppConfig):
    name = "appliance.backup"
    label = "appliance_backup"
    verbose_name = "Backups"
    default_auto_field = "django.db.models.BigAutoField"
