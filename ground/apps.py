from django.apps import AppConfig


class GroundConfig(AppConfig):
    name = "ground"
    label = "ground"
    verbose_name = "Ground"
