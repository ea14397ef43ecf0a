from django.apps import AppConfig


class CustodyConfig(AppConfig):
    name = "manufacturer.custody"
    label = "manufacturer_custody"
    verbose_name = "custody"
