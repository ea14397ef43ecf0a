"""The manufacturer's desk."""

from config.settings.web import *  # noqa: F403
from config.settings.web import SPECTACULAR_SETTINGS

SPECTACULAR_SETTINGS |= {
    "TITLE": "Strongroom desk",
    "DESCRIPTION": "Customers, units, lodged values and tickets at the manufacturer's desk.",
}
