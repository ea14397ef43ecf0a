from django.apps import AppConfig


class BackupConfig(AppConfig):
    name = "appliance.backup"
    label = "appliance_backup"
    verbose_name = "Backups"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from appliance.backup.keeping import keepers, why_hold
        from appliance.content.hooks import on_ask_holds, on_ask_keepers

        on_ask_holds(why_hold)
        on_ask_keepers(keepers)
