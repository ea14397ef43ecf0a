"""The unit's database as a stream of rows, from one read snapshot (docs/formats/database-stream.md).

The dump runs in a thread of its own with a connection of its own: on SQLite a snapshot is an open read
transaction, and the job must go on writing progress and leases beside it.
"""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from django.db import connections, models
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from appliance.backup.engine.dbformat import JsonValue, Opening, StreamRefused, StreamWriter, Table
from appliance.keys.engine.secrets import Opener
from appliance.keys.errors import SecretDoesNotOpen
from ground.db.portable import Declaration, travelling
from sealing.encoding import b64u

T = TypeVar("T")

QUEUE_PIECES = 64  # bounds what is in memory between the database and the store
PIECE_BYTES = 256 << 10
ROWS_AT_ONCE = 1000


@contextmanager
def read_snapshot(alias: str = "default") -> Iterator[None]:
    """One consistent view of the database for this thread's connection; reads only, blocks no writer.

    By hand rather than by `atomic()`: transactions of this project begin IMMEDIATE on SQLite, which
    would hold the write lock for as long as the dump runs.
    """
    connection = connections[alias]
    if connection.in_atomic_block:
        raise AssertionError("a snapshot needs a connection without an open transaction")
    begin = (
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if connection.vendor == "postgresql" else "BEGIN"
    )
    with connection.cursor() as cursor:
        cursor.execute(begin)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")


def dump_lines(*, serial: str, alias: str = "default") -> Iterator[bytes]:
    """All lines of the stream; to be consumed within one `read_snapshot`."""
    writer = StreamWriter()
    applied = MigrationRecorder(connections[alias]).applied_migrations()
    yield writer.opening(
        Opening(
            made_at=timezone.now().isoformat(timespec="microseconds"),
            serial=serial,
            migrations=tuple(sorted((app, name) for app, name in applied)),
        )
    )
    opener = Opener()
    for declaration in travelling():
        yield from _dump_model(writer, declaration, alias, opener)
    yield writer.closing()


def _opened(values: Sequence[Any], sealed: Mapping[int, str], row: Any, opener: Opener) -> list[Any]:
    """A row with its secrets opened (base64url). One that does not open stays behind: it is of no use to
    anybody, and no reason to make no backup; whoever uses it here is told."""
    found = list(values)
    for place, name in sealed.items():
        try:
            found[place] = b64u(opener.open(name, row, found[place])) if found[place] else ""
        except SecretDoesNotOpen:
            found[place] = ""
    return found


def _dump_model(
    writer: StreamWriter, declaration: Declaration, alias: str, opener: Opener
) -> Iterator[bytes]:
    model = declaration.model
    own = {field.name: field for field in model._meta.concrete_fields}
    columns = [own[name] for name in declaration.fields if name in own]
    links = [field for field in model._meta.many_to_many if field.name in declaration.fields]
    yield writer.table(Table(declaration.label, tuple(field.name for field in columns)))
    rows = model._base_manager.using(alias).order_by("pk")
    is_json = [isinstance(field, models.JSONField) for field in columns]
    names = [field.name for field in columns]
    sealed = {names.index(name): f"{declaration.label}.{name}" for name in declaration.sealed}
    for values in rows.values_list(*(field.attname for field in columns)).iterator(ROWS_AT_ONCE):
        if sealed:
            values = _opened(values, sealed, values[names.index("id")], opener)
        yield writer.row(
            [JsonValue(v) if json and v is not None else v for v, json in zip(values, is_json, strict=True)]
        )
    for field in links:
        through = field.remote_field.through
        if through is None or not through._meta.auto_created:
            continue  # a through model of its own is declared and travels by itself
        yield writer.table(Table(declaration.label, ("from", "to"), link=field.name))
        pairs = through._base_manager.using(alias).order_by("pk")
        ends = (field.m2m_column_name(), field.m2m_reverse_name())
        for pair in pairs.values_list(*ends).iterator(ROWS_AT_ONCE):
            yield writer.row(pair)


class DatabaseStream(io.RawIOBase, Generic[T]):
    """The stream as a readable file. Use as a context manager; an error in the dump is raised by `read`.

    `beside` is asked once within the same snapshot; after the last byte its answer stands in `found`.
    """

    def __init__(self, *, serial: str, alias: str = "default", beside: Callable[[str], T]) -> None:
        super().__init__()
        self.found: T | None = None
        self._beside = beside
        self._queue: queue.Queue[bytes | BaseException | None] = queue.Queue(QUEUE_PIECES)
        self._stop = threading.Event()
        self._left = b""
        self._ended = False
        self._thread = threading.Thread(
            target=self._run, args=(serial, alias), name="database-dump", daemon=True
        )
        self._thread.start()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # io's stub wants WriteableBuffer
        while not self._left and not self._ended:
            piece = self._queue.get()
            if isinstance(piece, BaseException):
                self._ended = True
                raise StreamRefused("the database could not be read") from piece
            self._ended = piece is None
            self._left = piece or b""
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count

    def close(self) -> None:
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)
            except queue.Empty:
                pass
        super().close()

    def _run(self, serial: str, alias: str) -> None:
        end: BaseException | None = None
        try:
            with read_snapshot(alias):
                self.found = self._beside(alias)
                piece = bytearray()
                for line in dump_lines(serial=serial, alias=alias):
                    piece += line
                    if len(piece) >= PIECE_BYTES:
                        if not self._hand_on(bytes(piece)):
                            return
                        piece.clear()
                self._hand_on(bytes(piece))
        except Exception as error:
            end = error
        finally:
            connections[alias].close()
            self._hand_on(end)

    def _hand_on(self, piece: bytes | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(piece, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False
