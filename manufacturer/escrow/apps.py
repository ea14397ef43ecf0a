from django.apps import AppConfig


class EscrowConfig(AppConfig):
    name = "manufacturer.escrow"
    label = "manufacturer_escrow"
    verbose_name = "escrow"
