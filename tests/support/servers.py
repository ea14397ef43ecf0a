"""Finds the real servers of marked tests: by DATABASE_URL and REDIS_URL, else on the usual local ports."""

from __future__ import annotations

import contextlib
import functools
import secrets
from collections.abc import Iterator, Mapping
from urllib.parse import quote

import psycopg
import redis
from psycopg import sql


def postgres_url(given: Mapping[str, str]) -> str:
    """A URL at which a PostgreSQL server lets this user make databases; empty if there is none."""
    named = given.get("DATABASE_URL", "")
    for url in [named] if named else _LOCAL_POSTGRES:
        if _can_make_databases(url):
            return url
    return ""


_LOCAL_POSTGRES = [
    "postgresql://postgres:postgres@127.0.0.1:5432/strongroom",
    "postgresql://root@127.0.0.1:5432/strongroom",
    "postgresql:///strongroom",
]


@contextlib.contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """The URL of an empty database on the server of `url`; gone afterwards."""
    server = url.rsplit("/", 1)[0]
    name = f"strongroom_test_{secrets.token_hex(4)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"{server}/{name}"
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def redis_url(given: Mapping[str, str]) -> str:
    """A URL at which a Redis server answers; empty if there is none."""
    named = given.get("REDIS_URL", "")
    url = named or "redis://127.0.0.1:6379/0"
    return url if _pings(url) else ""


@functools.cache
def _can_make_databases(url: str) -> bool:
    server = url.rsplit("/", 1)[0] + "/postgres"
    try:
        with psycopg.connect(server, connect_timeout=2, autocommit=True) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error:
        return False
    return bool(row and row[0])


@functools.cache
def _pings(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def test_database_url() -> dict[str, str]:
    """DATABASE_URL of the test database itself, where the run is on PostgreSQL; else nothing."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return {}
    named = connection.settings_dict
    user = quote(named["USER"]) + (f":{quote(named['PASSWORD'])}" if named["PASSWORD"] else "")
    host = f"{named['HOST']}:{named['PORT']}" if named["PORT"] else named["HOST"]
    return {"DATABASE_URL": f"postgresql://{user}{'@' if user else ''}{host}/{named['NAME']}"}


test_database_url.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever pytest thinks of its name
