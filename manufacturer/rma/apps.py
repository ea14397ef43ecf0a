from django.apps import AppConfig


class RmaConfig(AppConfig):
    name = "manufacturer.rma"
    label = "manufacturer_rma"
    verbose_name = "tickets"

    def ready(self) -> None:
        from manufacturer.rma import followers  # noqa: F401  # registers itself with escrow
