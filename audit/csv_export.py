"""Events as CSV that a spreadsheet shows and never executes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from audit.models import Event

COLUMNS = [
    "chain",
    "sequence",
    "at",
    "action",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_name",
    "subject",
    "facts",
    "digest",
]
# A cell that starts with one of these is a formula to some spreadsheet (OWASP, "CSV injection").
_LIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def inert(cell: object) -> str:
    """A cell's text; one that would start a formula gets an apostrophe in front."""
    text = str(cell)
    return f"'{text}" if text.lstrip(" ").startswith(_LIVE) else text


def rows_as_csv(events: Iterable[Event]) -> Iterator[str]:
    """Lines of a CSV file, header first; every cell quoted."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for event in events:
        yield _drain(buffer)
        writer.writerow(
            inert(cell)
            for cell in [
                event.chain_id,
                event.sequence,
                event.at.isoformat(),
                event.action,
                event.outcome,
                event.actor_kind,
                event.actor_id,
                event.actor_name,
                event.subject,
                event.facts_json,
                event.digest,
            ]
        )
    yield _drain(buffer)


def _drain(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
