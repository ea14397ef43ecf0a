"""Records of the database stream (docs/formats/database-stream.md): encoding only, no database.

`StreamWriter` turns tables and rows into lines; `StreamReader` gives them back, strict in everything the
page says a reader must refuse. What is wrong raises `StreamRefused`, and nothing else.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

FORMAT = "strongroom-database"
VERSION = 1
RECORD_BYTES = 256 << 20  # docs/formats/database-stream.md §1


class StreamRefused(Exception):
    """The stream is not lawful; the text says where."""


@dataclass(frozen=True, slots=True)
class Opening:
    made_at: str
    serial: str
    migrations: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table record: `link` names the many-to-many field, or is empty for a model's own table."""

    label: str
    fields: tuple[str, ...]
    link: str = ""


class JsonValue:
    """Marks a value that comes from a JSON field, so that its objects are not taken for tags."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def encode_value(value: Any) -> Any:
    """One database value as its JSON form (§2)."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value
        case JsonValue():
            return {"json": value.value}
        case uuid.UUID():
            return {"uuid": str(value)}
        case dt.datetime():
            return {"at": value.astimezone(dt.UTC).isoformat(timespec="microseconds")}
        case dt.date():
            return {"date": value.isoformat()}
        case dt.time():
            return {"time": value.isoformat()}
        case dt.timedelta():
            return {"span": value // dt.timedelta(microseconds=1)}
        case decimal.Decimal():
            return {"decimal": str(value)}
        case bytes() | memoryview() | bytearray():
            return {"bytes": base64.urlsafe_b64encode(bytes(value)).rstrip(b"=").decode()}
    raise StreamRefused(f"no form for a value of type {type(value).__name__}")


def _bytes(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise ValueError("not canonical")
    return data


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "uuid": uuid.UUID,
    "at": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "span": lambda n: dt.timedelta(microseconds=n),
    "decimal": decimal.Decimal,
    "bytes": _bytes,
    "json": lambda value: value,
}


def decode_value(value: Any) -> Any:
    """The value of a JSON form; `StreamRefused` for a form that is none."""
    if not isinstance(value, dict | list):
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((tag, inner),) = value.items()
        try:
            return _DECODERS[tag](inner)
        except (
            KeyError,
            ValueError,
            TypeError,
            AttributeError,
            OverflowError,
            decimal.DecimalException,
        ) as error:
            raise StreamRefused(f"a value tagged {tag!r} cannot be read") from error
    raise StreamRefused("a value without a known tag")


class StreamWriter:
    """Lines of a stream, each returned as bytes to be handed on at once."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.rows = 0

    def _line(self, record: Any) -> bytes:
        line = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        if len(line) > RECORD_BYTES:
            raise StreamRefused("a row is larger than a record may be")
        self._digest.update(line)
        return line

    def opening(self, opening: Opening) -> bytes:
        return self._line(
            {
                "format": FORMAT,
                "version": VERSION,
                "made_at": opening.made_at,
                "serial": opening.serial,
                "migrations": sorted(list(pair) for pair in opening.migrations),
            }
        )

    def table(self, table: Table) -> bytes:
        record: dict[str, Any] = {"table": table.label, "fields": list(table.fields)}
        return self._line(record | ({"link": table.link} if table.link else {}))

    def row(self, values: Sequence[Any]) -> bytes:
        self.rows += 1
        return self._line([encode_value(value) for value in values])

    def closing(self) -> bytes:
        return self._line({"end": True, "rows": self.rows, "digest": self._digest.hexdigest()})


class StreamReader:
    """Reads a stream once, front to back: `opening` first, then `tables()`."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._digest = hashlib.sha256()
        self._rows = 0
        self.closed = False
        self.opening = self._read_opening()

    def _record(self) -> tuple[Any, str]:
        """The next record and the digest of everything before it."""
        before = self._digest.hexdigest()
        line = self._source.readline(RECORD_BYTES + 1)
        if not line.endswith(b"\n"):
            raise StreamRefused("the stream ends before its closing")
        self._digest.update(line)
        try:
            return json.loads(line, parse_constant=_no_constant), before
        except (ValueError, RecursionError) as error:
            raise StreamRefused("a record cannot be read") from error

    def _read_opening(self) -> Opening:
        record, _ = self._record()
        try:
            if record["format"] != FORMAT or record["version"] != VERSION or len(record) != 5:
                raise StreamRefused("not a stream of this version")
            migrations = tuple((str(app), str(name)) for app, name in record["migrations"])
            return Opening(str(record["made_at"]), str(record["serial"]), migrations)
        except (KeyError, TypeError, ValueError) as error:
            raise StreamRefused("the opening cannot be read") from error

    def records(self) -> Iterator[Table | list[Any]]:
        """Every table record, each followed by its rows decoded; ends only after a right closing."""
        table: Table | None = None
        while True:
            record, before = self._record()
            match record:
                case list():
                    if table is None or len(record) != len(table.fields):
                        raise StreamRefused("a row that fits no table")
                    self._rows += 1
                    yield [decode_value(value) for value in record]
                case {"end": True, "rows": int(rows), "digest": str(digest), **rest} if not rest:
                    if rows != self._rows or digest != before:
                        raise StreamRefused("the closing does not match what came before it")
                    if self._source.read(1):
                        raise StreamRefused("bytes after the closing")
                    self.closed = True
                    return
                case {"table": str(label), "fields": [*fields], **rest} if set(rest) <= {"link"}:
                    table = Table(label, tuple(map(str, fields)), str(rest.get("link", "")))
                    yield table
                case _:
                    raise StreamRefused("a record of no known kind")


def _no_constant(name: str) -> Any:
    raise ValueError(name)
