from django.apps import AppConfig


class ShellConfig(AppConfig):
    name = "portal.shell"
    label = "portal_shell"
    verbose_name = "Portal: layout"
