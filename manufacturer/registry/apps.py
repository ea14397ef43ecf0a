from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "manufacturer.registry"
    label = "manufacturer_registry"
    verbose_name = "registry"
