"""Database streams in tests: made, altered, loaded beside the live database, compared."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from django.apps import AppConfig, apps
from django.db import connections
from django.db.utils import load_backend

from appliance.backup.engine.dbformat import JsonValue, Opening, StreamReader, StreamWriter, Table
from appliance.backup.engine.dump import dump_lines, read_snapshot
from appliance.recovery.engine.load import Loaded, load_stream
from config.settings.environment import _postgresql
from ground.db import generations
from ground.db.portable import travelling
from tests.support.servers import fresh_database


@contextmanager
def scratch() -> Iterator[str]:
    """An empty database of this site's engine; gone afterwards."""
    generation = generations.new_generation()
    try:
        with generations.scratch(generation) as alias:
            yield alias
    finally:
        generations.remove(generation)


@contextmanager
def scratch_on_postgresql(server: str) -> Iterator[str]:
    """An empty database on the PostgreSQL server of a URL, as an alias outside the gate; gone afterwards."""
    with fresh_database(server) as url:
        settings = deepcopy(connections["default"].settings_dict) | _postgresql(url)
        settings["OPTIONS"] = {"gate": False, "schema": "strongroom_scratch"}
        settings["TEST"] = {}
        connections["postgres"] = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, "postgres")
        try:
            yield "postgres"
        finally:
            connections["postgres"].close()
            del connections["postgres"]


@contextmanager
def installed(app: str) -> Iterator[None]:
    """One more app for a while, with models, migrations and declarations; the live database is not touched.

    By hand rather than by `override_settings(INSTALLED_APPS=…)`, which makes every app ready a second time.
    """
    config = AppConfig.create(app)
    config.apps = apps
    apps.app_configs[config.label] = config
    try:
        config.import_models()
        apps.clear_cache()
        yield
    finally:
        del apps.app_configs[config.label]
        apps.clear_cache()


def dumped(alias: str = "default") -> bytes:
    with read_snapshot(alias):
        return b"".join(dump_lines(serial="SR-1", alias=alias))


def load(data: bytes, alias: str, *, watch: Callable[[int], None] | None = None) -> Loaded:
    return load_stream(io.BytesIO(data), alias, watch=watch or _nobody)


def _nobody(rows: int) -> None:
    """Watches."""


def rewritten(
    data: bytes,
    *,
    migrations: Callable[[tuple[str, str]], bool] | None = None,
    tables: Callable[[Table], Table] | None = None,
    rows: Callable[[Table, list[Any]], Sequence[Any]] | None = None,
) -> bytes:
    """The stream with something changed in it and a right closing. `rows` is told the table as it was."""
    reader, writer = StreamReader(io.BytesIO(data)), StreamWriter()
    opening = reader.opening
    keep = opening.migrations if migrations is None else tuple(filter(migrations, opening.migrations))
    out = [writer.opening(Opening(opening.made_at, opening.serial, keep))]
    table = Table("", ())
    for record in reader.records():
        if isinstance(record, Table):
            table = record
            out.append(writer.table(record if tables is None else tables(record)))
        else:
            row = record if rows is None else rows(table, record)
            out.append(writer.row([JsonValue(v) if isinstance(v, dict | list) else v for v in row]))
    return b"".join([*out, writer.closing()])


def rows_in(alias: str = "default") -> dict[str, list[tuple[Any, ...]]]:
    """Every travelling row, in order of its key, and every automatic link; JSON and bytes as they compare."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for entry in travelling():
        fields = [f.attname for f in entry.model._meta.concrete_fields if f.name in entry.fields]
        rows = entry.model._base_manager.using(alias).order_by("pk").values_list(*fields)
        found[entry.label] = [tuple(map(_comparable, row)) for row in rows]
        for link in entry.model._meta.many_to_many:
            through = link.remote_field.through
            if link.name in entry.fields and through is not None and through._meta.auto_created:
                ends = (link.m2m_column_name(), link.m2m_reverse_name())
                pairs = through._base_manager.using(alias).values_list(*ends)
                found[f"{entry.label}.{link.name}"] = sorted(pairs)
    return found


def _comparable(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
