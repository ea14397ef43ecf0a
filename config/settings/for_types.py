"""Settings for the type checker only, which must see every model at once. Nothing runs under them."""

import os

os.environ.setdefault("STRONGROOM_ROLE", "appliance")

from config import rooms
from config.settings.base import *  # noqa: F403
from config.settings.web import *  # noqa: F403
from config.settings.web import INSTALLED_APPS

INSTALLED_APPS += [
    app
    for app in [
        *rooms.portal_apps("manufacturer"),
        *rooms.domain_apps("manufacturer"),
        *rooms.domain_apps("custody"),
    ]
    if app not in INSTALLED_APPS
]
