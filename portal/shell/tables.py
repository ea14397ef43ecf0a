"""Tables that sort, filter and page on the server, with the whole state in the URL.

Paging is by cursor (the sort value and id of the last row shown), never by page number and never with a
count, so that the millionth row costs what the first one does. Lists that are not query sets (derived
rows, always short) are sorted in memory and paged by position.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q, QuerySet
from django.http import HttpRequest

PAGE_ROWS = 30  # of 50, half of a page's 60 ms went into drawing rows


class Table:
    """One page of rows for a request.

    `sorts` maps the key in the URL to a field path; `search` names the text fields that `?q=` looks into;
    `choices` maps a URL key to (field, [(value, label)…]) for drop-down filters. `prefix` keeps the state of
    two tables on one page apart.
    """

    def __init__(
        self,
        request: HttpRequest,
        rows: QuerySet[Any] | Iterable[Any],
        *,
        sorts: Mapping[str, str] | None = None,
        default: str = "",
        search: Sequence[str] = (),
        choices: Mapping[str, tuple[str, Sequence[tuple[str, str]]]] | None = None,
        prefix: str = "",
        page_rows: int = PAGE_ROWS,
    ) -> None:
        self.request = request
        self.prefix = prefix
        self.sorts = dict(sorts or {})
        self.search = tuple(search)
        self.choices = dict(choices or {})
        self.query = request.GET.get(f"{prefix}q", "").strip()[:200]
        self.sort = self._sort(default)
        self.page_rows = page_rows
        self.next_cursor = ""
        self.is_first = True
        self.rows: list[Any] = self._page(rows)
        self.filtered = bool(self.query) or any(request.GET.get(prefix + key) for key in self.choices)

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def _sort(self, default: str) -> str:
        asked = self.request.GET.get(f"{self.prefix}sort", "")
        return asked if asked.lstrip("-") in self.sorts else default

    def _page(self, rows: QuerySet[Any] | Iterable[Any]) -> list[Any]:
        if isinstance(rows, QuerySet):
            return self._page_of_query(rows)
        return self._page_of_list(list(rows))

    # query sets

    def _page_of_query(self, rows: QuerySet[Any]) -> list[Any]:
        for key, (path, options) in self.choices.items():
            value = self.request.GET.get(self.prefix + key, "")
            if value and value in {option for option, _label in options}:
                rows = rows.filter(**{path: value})
        if self.query and self.search:
            wanted = Q()
            for path in self.search:
                wanted |= Q(**{f"{path}__icontains": self.query})
            rows = rows.filter(wanted)
        if not self.sort:
            return self._page_of_list(list(rows[: self.page_rows * 20]), already_filtered=True)
        path = self.sorts[self.sort.lstrip("-")]
        found = self._rows_from(rows, path, self._read_cursor())
        if len(found) > self.page_rows:
            found = found[: self.page_rows]
            self.next_cursor = self._cursor([_value(found[-1], path), found[-1].pk])
        return found

    def _rows_from(self, rows: QuerySet[Any], path: str, cursor: list[Any] | None) -> list[Any]:
        """One row more than a page, from the cursor on: rows with a value, and after them those without.

        Two queries, because either can go along an index where one condition over both could not.
        """
        down, wanted = self.sort.startswith("-"), self.page_rows + 1
        present = rows.filter(**{f"{path}__isnull": False}).order_by(
            *(f"{'-' * down}{key}" for key in (path, "pk"))
        )
        absent = rows.filter(**{f"{path}__isnull": True}).order_by("-pk" if down else "pk")
        if cursor is not None and len(cursor) == 2:
            value, pk = cursor
            beyond_id = Q(pk__lt=pk) if down else Q(pk__gt=pk)
            try:
                if value is None:
                    present, absent = present.none(), absent.filter(beyond_id)
                else:
                    beyond, least = ("__lt", "__lte") if down else ("__gt", "__gte")
                    present = present.filter(Q(**{path + beyond: value}) | beyond_id, **{path + least: value})
                self.is_first = False
            except (ValidationError, ValueError, TypeError, FieldDoesNotExist):
                pass  # a cursor of another table or a forged one: start from the top
        found = list(present[:wanted])
        return found if len(found) == wanted else found + list(absent[: wanted - len(found)])

    # lists

    def _page_of_list(self, rows: list[Any], already_filtered: bool = False) -> list[Any]:
        if not already_filtered:
            for key, (path, _options) in self.choices.items():
                value = self.request.GET.get(self.prefix + key, "")
                if value:
                    rows = [row for row in rows if str(_value(row, path)) == value]
            if self.query and self.search:
                low = self.query.casefold()
                rows = [
                    row for row in rows if any(low in str(_value(row, p)).casefold() for p in self.search)
                ]
        if self.sort:
            path = self.sorts[self.sort.lstrip("-")]
            present = [row for row in rows if _value(row, path) is not None]
            absent = [row for row in rows if _value(row, path) is None]
            present.sort(key=lambda row: _value(row, path), reverse=self.sort.startswith("-"))
            rows = present + absent
        cursor = self._read_cursor()
        start = cursor[0] if cursor and isinstance(cursor[0], int) and cursor[0] > 0 else 0
        self.is_first = start == 0
        if len(rows) > start + self.page_rows:
            self.next_cursor = self._cursor([start + self.page_rows])
        return rows[start : start + self.page_rows]

    # addresses

    def _cursor(self, parts: list[Any]) -> str:
        text = json.dumps(parts, cls=_Encoder, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _read_cursor(self) -> list[Any] | None:
        text = self.request.GET.get(f"{self.prefix}after", "")
        if not text or len(text) > 600:
            return None
        try:
            parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (binascii.Error, ValueError):
            return None
        return parts if isinstance(parts, list) and parts else None

    def url(self, **changes: str | None) -> str:
        """This page's address with some of the table's members changed; None takes one away."""
        members = {key: values[-1] for key, values in self.request.GET.lists()}
        for key, value in changes.items():
            if value:
                members[self.prefix + key] = value
            else:
                members.pop(self.prefix + key, None)
        return "?" + urlencode(members) if members else self.request.path

    def head(self, key: str) -> dict[str, Any]:
        """What a column head needs: where a click leads, and how this column is sorted now."""
        up, down = key, f"-{key}"
        following = up if self.sort == down else down if self.sort == up else up
        direction = {up: "ascending", down: "descending"}.get(self.sort, "")
        return {"url": self.url(sort=following, after=None), "direction": direction}

    @property
    def next_url(self) -> str:
        return self.url(after=self.next_cursor) if self.next_cursor else ""

    @property
    def first_url(self) -> str:
        return "" if self.is_first else self.url(after=None)

    @property
    def clear_url(self) -> str:
        return self.url(q=None, after=None, **dict.fromkeys(self.choices))

    @property
    def filters(self) -> list[dict[str, Any]]:
        return [
            {
                "key": self.prefix + key,
                "label": key.replace("_", " ").capitalize(),
                "options": options,
                "value": self.request.GET.get(self.prefix + key, ""),
            }
            for key, (_path, options) in self.choices.items()
        ]


class _Encoder(DjangoJSONEncoder):
    """Keeps microseconds, which the plain encoder cuts: a cursor must compare exactly."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if hasattr(o, "isoformat") else super().default(o)


def _value(row: Any, path: str) -> Any:
    """Follow `a__b` through attributes or mapping members."""
    for part in path.split("__"):
        row = row.get(part) if isinstance(row, Mapping) else getattr(row, part, None)
        if row is None:
            return None
    return row
