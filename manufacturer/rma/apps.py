from django.apps import AppConfig


class RmaConfig(AppConfig):
    name = "manufacturer.rma"
    label = "manufacturer_rma"
    verbose_name = "rma"
