"""A database stream into a scratch database: to its recorded migrations, then forward, and checked.

docs/formats/database-stream.md §3. Nothing here touches the live database; whatever goes wrong is a
refusal that leaves a scratch database to be thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from django.apps.registry import Apps
from django.apps.registry import apps as current_apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.management.color import no_style
from django.db import DatabaseError, DataError, IntegrityError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.models import Field, Model

from appliance.backup.engine.dbformat import Opening, StreamReader, StreamRefused, Table
from appliance.recovery.errors import StreamDamaged, StreamInconsistent, StreamTooNew, ValueHasNoPlace
from appliance.unit.secrets import seal_secret
from ground.db.generations import copy_schema, migrate
from ground.db.portable import declarations
from sealing.encoding import from_b64u
from sealing.errors import Refused

ROWS_AT_ONCE = 500

Watch = Callable[[int], None]  # told the number of rows loaded so far; may raise to cancel


@dataclass(slots=True)
class Loaded:
    """What a load brought back: rows by table label, and where the stream came from."""

    opening: Opening
    rows: dict[str, int] = field(default_factory=dict)


def load_stream(source: BinaryIO, alias: str, *, watch: Watch) -> Loaded:
    """Load into the empty scratch database `alias`; at the end it stands at this release's migrations."""
    try:
        reader = StreamReader(source)
        apps, is_newest = _build(alias, reader.opening)
        loaded = Loaded(reader.opening)
        with transaction.atomic(using=alias):
            _load_tables(reader, alias, apps, loaded, watch)
            check_references(alias)
        if not reader.closed:
            raise StreamRefused("the closing was not read")
    except StreamRefused as error:
        raise StreamDamaged(why=str(error)) from error
    except IntegrityError as error:
        raise StreamInconsistent(why="a row contradicts another") from error
    if not is_newest:
        _migrate_forward(alias)
        check_references(alias)
    return loaded


def unknown_migrations(recorded: Iterable[Sequence[str]]) -> list[str]:
    """Migrations that this release does not have: the image was made by a newer one."""
    known = _known_migrations()
    return sorted(f"{app}.{name}" for app, name in recorded if (app, name) not in known)


def _known_migrations() -> set[tuple[str, str]]:
    return set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _build(alias: str, opening: Opening) -> tuple[Apps, bool]:
    """Bring the empty scratch database to exactly what the stream recorded; its models, and whether that is
    this release's newest state."""
    known, recorded = _known_migrations(), set(opening.migrations)
    unknown = sorted(f"{app}.{name}" for app, name in recorded - known)
    if unknown:
        raise StreamTooNew(unknown=unknown[:20])
    if recorded == known and copy_schema(alias, recorded):
        return current_apps, True
    return _migrate_to(alias, opening), False


def _migrate_to(alias: str, opening: Opening) -> Apps:
    """The same by migrations: for an image of an older release."""
    executor = MigrationExecutor(connections[alias])
    recorded = set(opening.migrations)
    parents = {
        parent.key
        for node in recorded
        for parent in executor.loader.graph.node_map[node].parents
        if parent.key[0] == node[0]
    }
    targets = sorted(recorded - parents)
    migrate(alias, targets)
    if set(MigrationExecutor(connections[alias]).loader.applied_migrations) != recorded:
        raise StreamRefused("the recorded migrations are not a state this release can reach")
    return executor.loader.project_state(targets).apps


def _migrate_forward(alias: str) -> None:
    try:
        migrate(alias)
    except DatabaseError as error:
        raise StreamInconsistent(why="the restored rows do not pass this release's migrations") from error


def _load_tables(reader: StreamReader, alias: str, apps: Apps, loaded: Loaded, watch: Watch) -> None:
    connection = connections[alias]
    target: _Inserter | None = None
    total = 0
    models: list[type[Model]] = []
    for record in reader.records():
        if isinstance(record, Table):
            if target is not None:
                total += target.flush()
            target = _Inserter(connection, apps, record, sealed=_sealed_in(record))
            models.append(target.model)
            key = f"{record.label}.{record.link}" if record.link else record.label
            if key in loaded.rows:
                raise StreamRefused(f"the table {key} comes twice")
            loaded.rows[key] = 0
        elif target is not None:
            target.add(record)
            loaded.rows[key] += 1
            if len(target.waiting) >= ROWS_AT_ONCE:
                total += target.flush()
                watch(total)
    if target is not None:
        total += target.flush()
    watch(total)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def _sealed_in(table: Table) -> list[str]:
    """Fields of a table whose values travel opened, by this release's declarations."""
    declared = declarations().get(table.label)
    if declared is None or table.link:
        return []
    return [name for name in declared.sealed if name in table.fields and "id" in table.fields]


def _sealed_again(field: str, row: Any, opened: Any) -> str:
    """A secret from the stream, sealed to this unit's engine before anything of it is written."""
    if not opened:
        return ""
    try:
        return seal_secret(field, row, from_b64u(opened))
    except (Refused, TypeError) as error:
        raise StreamRefused(f"{field}: not a secret as the stream carries them") from error


class _Inserter:
    """Inserts the rows of one table, as they are: no defaults recomputed, no signals, no `auto_now`."""

    def __init__(
        self, connection: BaseDatabaseWrapper, apps: Apps, table: Table, *, sealed: Sequence[str] = ()
    ) -> None:
        self.connection = connection
        self.sealed = {table.fields.index(name): f"{table.label}.{name}" for name in sealed}
        self.key = table.fields.index("id") if sealed else 0
        self.waiting: list[list[Any]] = []
        try:
            owner = apps.get_model(table.label)
            if table.link:
                link = owner._meta.get_field(table.link)
                self.model: type[Model] = link.remote_field.through
                ends = (link.m2m_field_name(), link.m2m_reverse_field_name())
                named = [self.model._meta.get_field(name) for name in ends]
            else:
                self.model = owner
                named = [owner._meta.get_field(name) for name in table.fields]
        except (LookupError, ValueError, AttributeError, FieldDoesNotExist) as error:
            raise StreamRefused(f"{table.label}: a table or field its migrations do not know") from error
        self.named: list[Field[Any, Any]] = named
        given = {item.name for item in named}
        auto = self.model._meta.auto_field
        self.defaults: list[Field[Any, Any]] = [
            item
            for item in self.model._meta.local_concrete_fields
            if item.name not in given and item is not auto
        ]
        self._empty()

    def _empty(self) -> None:
        """Rows that migrations made themselves give way to the stream's."""
        table = self._quoted(self.model._meta.db_table)
        with self.connection.cursor() as cursor:
            # PostgreSQL's guard of the event log refuses the statement itself, rows or none.
            cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608  # our own name
            if cursor.fetchone():
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608  # our own name

    def _quoted(self, name: str) -> str:
        return self.connection.ops.quote_name(name)

    def add(self, values: Sequence[Any]) -> None:
        if self.sealed:
            values = [
                _sealed_again(self.sealed[place], values[self.key], value) if place in self.sealed else value
                for place, value in enumerate(values)
            ]
        row = [_prepared(f, v, self.connection) for f, v in zip(self.named, values, strict=True)]
        row += [_prepared(f, f.get_default(), self.connection) for f in self.defaults]
        self.waiting.append(row)

    def flush(self) -> int:
        if not self.waiting:
            return 0
        columns = ", ".join(self._quoted(str(f.column)) for f in [*self.named, *self.defaults])
        marks = ", ".join(["%s"] * (len(self.named) + len(self.defaults)))
        table = self._quoted(self.model._meta.db_table)
        count = len(self.waiting)
        insert = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608  # our own names
        try:
            with self.connection.cursor() as cursor:
                cursor.executemany(insert, self.waiting)
        except (DataError, OverflowError) as error:
            # SQLite minds neither a column's length nor NUL in text; PostgreSQL does.
            raise ValueHasNoPlace(table=self.model._meta.label, why=str(error).partition("\n")[0]) from error
        self.waiting = []
        return count


def _prepared(item: Field[Any, Any], value: Any, connection: BaseDatabaseWrapper) -> Any:
    try:
        return item.get_db_prep_save(value, connection)
    except (ValueError, TypeError, ValidationError) as error:
        raise StreamRefused(f"a value does not fit the field {item.name}") from error


def check_references(alias: str) -> None:
    """Every reference leads to a row; `StreamInconsistent` names what does not."""
    try:
        connections[alias].check_constraints()
    except IntegrityError as error:
        raise StreamInconsistent(why="a reference leads nowhere") from error


def copy_rows(model: type[Model], source: str, target: str) -> int:
    """Replace a model's rows in `target` by those of `source`, as they are, with its automatic links.

    Both stand at this release's migrations. Used for what stays the unit's own across a restore.
    """
    from django.apps import apps

    copied = 0
    meta = model._meta
    tables: list[tuple[Table, Iterator[Sequence[Any]]]] = [
        (
            Table(meta.label, tuple(item.name for item in meta.local_concrete_fields)),
            model._base_manager.using(source)
            .values_list(*(item.attname for item in meta.local_concrete_fields))
            .iterator(ROWS_AT_ONCE),
        )
    ]
    for link in meta.local_many_to_many:
        through = link.remote_field.through
        if through is not None and through._meta.auto_created:
            ends = (link.m2m_column_name(), link.m2m_reverse_name())
            rows = through._base_manager.using(source).values_list(*ends).iterator(ROWS_AT_ONCE)
            tables.append((Table(meta.label, ("from", "to"), link=link.name), rows))
    for table, rows in tables:
        inserter = _Inserter(connections[target], apps, table)
        while some := list(islice(rows, ROWS_AT_ONCE)):
            for row in some:
                inserter.add(row)
            copied += inserter.flush()
    return copied
