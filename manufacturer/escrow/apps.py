from django.apps import AppConfig


class EscrowConfig(AppConfig):
    name = "manufacturer.escrow"
    label = "manufacturer_escrow"
    verbose_name = "escrow"

    def ready(self) -> None:
        from manufacturer.escrow import followers  # noqa: F401  # registers itself with the registry
