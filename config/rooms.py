"""Which rooms belong to which role. Settings, URLs and Celery read this and nothing else.

A room that has no module of a kind simply has none (a room without REST, a room without jobs).
"""

from __future__ import annotations

from importlib.util import find_spec

from config.site import Role

_SHARED_APPS = ["ground", "audit", "accounts", "jobs"]

# In order of dependence. `portal.*` stand before allauth in INSTALLED_APPS, whose templates they replace.
_DOMAIN_APPS: dict[Role, list[str]] = {
    "appliance": [
        "appliance.unit",
        "appliance.keys",
        "appliance.notices",
        "appliance.content",
        "appliance.catalog",
        "appliance.backup",
        "appliance.schedules",
        "appliance.recovery",
    ],
    "manufacturer": ["manufacturer.registry", "manufacturer.escrow", "manufacturer.rma"],
    "custody": ["manufacturer.custody"],
}
_PORTAL_APPS: dict[Role, list[str]] = {
    "appliance": ["portal.shell", "portal.unit"],
    "manufacturer": ["portal.shell", "portal.desk"],
    "custody": [],
}
# REST modules that are no app's own.
_EXTRA_API_URLS: dict[Role, list[str]] = {
    "appliance": [],
    "manufacturer": ["manufacturer.api.urls"],
    "custody": [],
}


def domain_apps(role: Role) -> list[str]:
    """Apps with rows of the role's domain, lowest floor first."""
    return list(_DOMAIN_APPS[role])


def shared_apps(role: Role) -> list[str]:
    """Apps both sides have. Custody has no people and no jobs: its rows are its own requests."""
    return ["ground", "audit"] if role == "custody" else list(_SHARED_APPS)


def portal_apps(role: Role) -> list[str]:
    return list(_PORTAL_APPS[role])


def api_urls(role: Role) -> list[str]:
    """URL modules included below ``/api/v1/``."""
    rooms = [f"{app}.api.urls" for app in ["audit", "accounts", "jobs", *_DOMAIN_APPS[role]]]
    return [module for module in [*rooms, *_EXTRA_API_URLS[role]] if _present(module)]


def portal_urls(role: Role) -> list[str]:
    """URL modules of pages, included at the root after everything else."""
    return [f"{app}.urls" for app in _PORTAL_APPS[role]]


def task_modules(role: Role) -> list[str]:
    """Modules whose import registers job handlers or Celery tasks; loaded by workers only."""
    apps = [*shared_apps(role), *_DOMAIN_APPS[role]]
    return [f"{app}.tasks" for app in apps if _present(f"{app}.tasks")]


def _present(module: str) -> bool:
    """Whether a module is there, without importing it (its parents are)."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
