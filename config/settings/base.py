"""What holds on every side and in every process. Deploy-safe as it stands."""

from __future__ import annotations

import secrets
from typing import Any

from config.settings import environment as env
from config.site import BASE_DIR as BASE_DIR

SITE = env.site()
SITE.make_directories()

STRONGROOM_ROLE: str = env.role()
STRONGROOM_SITE_NAME = env.site_name()
STRONGROOM_SITE_DIR = SITE.root
STRONGROOM_LOOPBACK = env.LOOPBACK

DEBUG = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"  # third-party rows; ours are UUIDs
ALLOWED_HOSTS = env.hosts()

# A worker signs no cookie and makes no link: it does not open that secret's slot.
SECRET_KEY = (
    secrets.token_urlsafe(64) if env.IS_WORKER else SITE.secret("django.secret").hex() + "-strongroom"
)

DATABASES: dict[str, Any] = {"default": env.database(SITE)}
CACHES = {"default": env.cache(SITE)}

MIDDLEWARE: list[str] = []
ROOT_URLCONF = "config.urls.none"
WSGI_APPLICATION = None
TEMPLATES: list[dict[str, Any]] = []

# Bodies are limited ahead of Django (ground/rest/body_limit.py); what passes stays in memory, so that
# nothing a stranger sends is ever spooled to a plain temporary file.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 << 20
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 << 20

globals().update(env.mail(SITE))

# Long work (jobs/). The sweeper looks every SWEEP seconds; a heartbeat renews the lease.
JOB_LEASE_SECONDS = env.seconds("STRONGROOM_JOB_LEASE_SECONDS", 15.0)
JOB_HEARTBEAT_SECONDS = env.seconds("STRONGROOM_JOB_HEARTBEAT_SECONDS", 4.0)
JOB_SWEEP_SECONDS = env.seconds("STRONGROOM_JOB_SWEEP_SECONDS", 2.0)
JOB_RESEND_SECONDS = env.seconds("STRONGROOM_JOB_RESEND_SECONDS", 10.0)
JOB_APP = "config.celery.app"
JOB_QUEUE = {"appliance": "engine", "manufacturer": "worker", "custody": "custody"}[STRONGROOM_ROLE]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Django's default would mail tracebacks with local variables to ADMINS: a channel for secrets.
    "loggers": {"django": {"handlers": ["stderr"], "level": "INFO", "propagate": False}},
}
