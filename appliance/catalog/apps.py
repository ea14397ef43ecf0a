from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "appliance.catalog"
    label = "appliance_catalog"
    verbose_name = "Catalogue"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from appliance.catalog.actions.start_sealing import upload_completed
        from appliance.catalog.selectors import live_recipes, waits_for
        from appliance.content.hooks import on_ask_live, on_ask_needed, on_complete

        on_complete(upload_completed)
        on_ask_needed(waits_for)
        on_ask_live(live_recipes)
