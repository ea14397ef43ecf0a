from django.apps import AppConfig


class DeskPagesConfig(AppConfig):
    name = "portal.desk"
    label = "portal_desk"
    verbose_name = "Portal: the desk"

    def ready(self) -> None:
        from portal.desk.side import SIDE
        from portal.shell import site

        site.register(SIDE)
