from django.apps import AppConfig


class ParcelsConfig(AppConfig):
    name = "tests.support.parcels"
    label = "parcels"
