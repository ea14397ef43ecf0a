"""Custody: no people, no pages, no REST, no URL at all; a database and a broker of its own."""

from config import rooms
from config.settings.base import *  # noqa: F403

INSTALLED_APPS = [*rooms.shared_apps("custody"), *rooms.domain_apps("custody")]

# Custody answers no request: what these checks want to see in front of a view protects nothing here.
SILENCED_SYSTEM_CHECKS = [
    "security.W001",  # SecurityMiddleware
    "security.W002",  # clickjacking
    "security.W003",  # CSRF middleware
]
