"""The table of verbs, and how their parameters are read.

A verb is a function of the holder and its parameters; it answers with JSON values. The table is closed: what
is not in it does not exist. Unknown, missing or misshapen parameters are refused before the verb runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from appliance.keys.errors import RequestRefused

from .holder import Holder

MAX_TEXT: Final = 512
_KEY_ID: Final = re.compile(r"[0-9a-f]{32}\Z")


class Params:
    """The parameters of one request; each is taken once, and `end` refuses what is left."""

    def __init__(self, values: Any) -> None:
        if not isinstance(values, dict):
            raise RequestRefused(reason="params is not an object")
        self._values: dict[str, Any] = dict(values)

    def take(self, name: str) -> Any:
        try:
            return self._values.pop(name)
        except KeyError as error:
            raise RequestRefused(reason="a parameter is missing", parameter=name) from error

    def text(self, name: str, *, most: int = MAX_TEXT) -> str:
        value = self.take(name)
        if not isinstance(value, str) or len(value) > most:
            raise RequestRefused(reason="not a text of allowed length", parameter=name)
        return value

    def document(self, name: str) -> str:
        """A signed document; its reader bounds and checks it."""
        return self.text(name, most=1 << 20)

    def key_id(self, name: str = "key_id") -> str:
        value = self.text(name)
        if not _KEY_ID.match(value):
            raise RequestRefused(reason="not a key id", parameter=name)
        return value

    def flag(self, name: str) -> bool:
        value = self.take(name)
        if not isinstance(value, bool):
            raise RequestRefused(reason="not true or false", parameter=name)
        return value

    def texts(self, name: str, *, most: int) -> list[str]:
        value = self.take(name)
        if not isinstance(value, list) or len(value) > most or not all(isinstance(v, str) for v in value):
            raise RequestRefused(reason="not a list of texts of allowed length", parameter=name)
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.take(name)
        if not isinstance(value, dict):
            raise RequestRefused(reason="not an object", parameter=name)
        return value

    def mappings(self, name: str, *, most: int) -> list[dict[str, Any]]:
        value = self.take(name)
        if not isinstance(value, list) or len(value) > most or not all(isinstance(v, dict) for v in value):
            raise RequestRefused(reason="not a list of objects of allowed length", parameter=name)
        return value

    def end(self) -> None:
        if self._values:
            raise RequestRefused(reason="an unknown parameter", parameter=min(self._values)[:MAX_TEXT])


Verb = Callable[[Holder, Params], dict[str, Any]]


@dataclass(frozen=True)
class Entry:
    run: Verb
    locked: bool  # runs alone; a verb that takes long locks for itself where it must


_table: dict[str, Entry] = {}


def verb(name: str, *, locked: bool = True) -> Callable[[Verb], Verb]:
    """Put a function into the table."""

    def register(run: Verb) -> Verb:
        assert name not in _table, name
        _table[name] = Entry(run, locked)
        return run

    return register


def perform(holder: Holder, name: object, values: object) -> dict[str, Any]:
    """Run one verb; raises a refusal."""
    entry = _table.get(name) if isinstance(name, str) else None
    if entry is None:
        raise RequestRefused(reason="no such verb")
    params = Params(values)
    if entry.locked:
        with holder.lock:
            return entry.run(holder, params)
    return entry.run(holder, params)


def names() -> list[str]:
    return sorted(_table)
