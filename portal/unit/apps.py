from django.apps import AppConfig


class UnitPagesConfig(AppConfig):
    name = "portal.unit"
    label = "portal_unit"
    verbose_name = "Portal: the unit"

    def ready(self) -> None:
        from portal.shell import site
        from portal.unit.side import SIDE

        site.register(SIDE)
