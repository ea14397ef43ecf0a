"""What the environment says, read and checked once. Secrets are never among it, only where they are."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.site import Site, role, site, site_name

LOOPBACK_HOSTS = ("localhost", "127.0.0.1")

# The one development switch: plain HTTP with cookies that are not Secure, on this machine only.
LOOPBACK = os.environ.get("STRONGROOM_LOOPBACK", "") == "1"

# worker: a Celery worker; web: everything else (server, management commands, tests).
IS_WORKER = os.environ.get("STRONGROOM_PROCESS", "web") == "worker"


def hosts() -> list[str]:
    """Names this site answers to (STRONGROOM_HOSTS, comma-separated)."""
    named = [host.strip() for host in os.environ.get("STRONGROOM_HOSTS", "").split(",") if host.strip()]
    if LOOPBACK:
        strangers = sorted(set(named) - set(LOOPBACK_HOSTS))
        if strangers:
            raise ImproperlyConfigured(
                f"STRONGROOM_LOOPBACK=1 serves localhost and 127.0.0.1 only, not {', '.join(strangers)}"
            )
        return list(LOOPBACK_HOSTS)
    return named or ["localhost"]


def trusted_origins() -> list[str]:
    """Origins of pages whose forms are accepted, beside the request's own host."""
    return [f"https://{host}" for host in hosts() if not LOOPBACK and not host.startswith(("*", "."))]


def database(place: Site) -> dict[str, Any]:
    """The default database: DATABASE_URL (postgresql://…), else the site's encrypted file."""
    url = os.environ.get("DATABASE_URL", "")
    if url:
        return _postgresql(url)
    return {
        "ENGINE": "ground.db.sqlcipher",
        "NAME": str(place.current_database),
        "CONN_MAX_AGE": 0,  # a connection lives for one request: see ground/db/gate.py
        "OPTIONS": {
            "key_provider": "ground.db.key.database_key",
            "transaction_mode": "IMMEDIATE",  # an upgraded read would fail at once instead of waiting
            "timeout": 20,  # seconds to wait for another writer
            "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
        },
        # Tests have a site of their own, whose live database is the test database: the processes they
        # start see it.
        "TEST": {"NAME": str(place.current_database)},
    }


def _postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(f"DATABASE_URL names {parts.scheme!r}; only postgresql:// is known")
    return {
        "ENGINE": "ground.db.postgres",
        "NAME": unquote(parts.path.lstrip("/")) or f"strongroom_{role()}",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {},
    }


def broker_url(place: Site) -> str:
    """REDIS_URL, else the embedded server's socket."""
    return os.environ.get("REDIS_URL") or f"redis+socket://{place.broker_socket}"


def key_prefix() -> str:
    """In front of every key this site keeps in a shared Redis."""
    return f"{os.environ.get('STRONGROOM_KEY_PREFIX') or f'strongroom-{site_name()}'}:"


def cache(place: Site) -> dict[str, Any]:
    """Sign-in limits are counted here. Several web processes need a shared one: Redis."""
    del place
    url = os.environ.get("REDIS_URL")
    if url:
        return {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": url,
            "KEY_PREFIX": key_prefix() + "cache",
        }
    return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": site_name()}


def mail(place: Site) -> dict[str, Any]:
    """Settings for outgoing mail: STRONGROOM_SMTP_URL, else files.

    smtps:// is TLS from the start, smtp+starttls:// begins it on the connection (587), smtp:// is neither
    and takes no password beyond this machine.
    """
    url = os.environ.get("STRONGROOM_SMTP_URL", "")
    sender = os.environ.get("STRONGROOM_MAIL_FROM", "Strongroom <strongroom@localhost>")
    if not url:
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(place.mail),
            "DEFAULT_FROM_EMAIL": sender,
        }
    parts = urlsplit(url)
    ports = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}
    if parts.scheme not in ports:
        raise ImproperlyConfigured(f"STRONGROOM_SMTP_URL names {parts.scheme!r}; known: {', '.join(ports)}")
    host = parts.hostname or "localhost"
    if parts.scheme == "smtp" and parts.password and host not in LOOPBACK_HOSTS:
        raise ImproperlyConfigured("STRONGROOM_SMTP_URL would send a password in clear: use smtp+starttls")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": host,
        "EMAIL_PORT": parts.port or ports[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
        "EMAIL_TIMEOUT": 20,
        "DEFAULT_FROM_EMAIL": sender,
    }


def seconds(name: str, default: float) -> float:
    return float(os.environ.get(name, default))


__all__ = [
    "IS_WORKER",
    "LOOPBACK",
    "LOOPBACK_HOSTS",
    "broker_url",
    "cache",
    "database",
    "hosts",
    "key_prefix",
    "mail",
    "role",
    "seconds",
    "site",
    "site_name",
    "trusted_origins",
]
