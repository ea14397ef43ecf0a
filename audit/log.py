"""Writing and verifying the event log.

Writing: `record` runs inside the caller's transaction, so an event stands exactly when the change it
tells of stands. One writer at a time: SQLite's transactions are IMMEDIATE (the first statement of the
caller's transaction already holds the writer's lock), PostgreSQL takes a transaction-scoped advisory
lock here. The lock is held until the caller commits, so a transaction that records stays short.

Chaining: ``digest = SHA-256(canonical JSON of all columns and the digest before)``. Whoever changes,
removes or inserts a row must rewrite every row after it, and then the head differs from the one that
was shown to the owner, lodged, or printed (`head`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connections
from django.utils import timezone

from audit.actor import Actor
from audit.models import Chain, Event

GENESIS = "0" * 64
SEAM = "audit.seam"
_ADVISORY_LOCK = 0x5354524F4E474C47  # any fixed number; "STRONGLG"
_PAGE = 2_000  # rows read at a time while verifying: flat memory for a long log


@dataclass(frozen=True)
class Head:
    """The newest event of a chain: what the owner notes down to notice a rewritten log."""

    chain: uuid.UUID
    sequence: int
    digest: str


@dataclass(frozen=True)
class Fault:
    """One broken place: `sequence` in `chain`, and what is wrong there."""

    chain: uuid.UUID
    sequence: int
    reason: str


@dataclass(frozen=True)
class Verdict:
    """Outcome of a verification: `ok`, the number of events looked at, each chain's head, each fault."""

    events: int
    heads: tuple[Head, ...]
    faults: tuple[Fault, ...] = field(default_factory=tuple)

    @property
    def ok(self) -> bool:
        return not self.faults


def record(
    action: str,
    *,
    actor: Actor,
    subject: str = "",
    facts: Mapping[str, Any] | None = None,
    outcome: str = "done",
    using: str = "default",
) -> Event:
    """Append one event; must run inside a transaction, and holds the log's lock until it ends.

    `action` is dotted and permanent ("keys.activated"); `outcome` is "done", "intent" (stored before
    the irreversible step) or "refused". `facts` are JSON values without secrets.
    """
    if outcome not in Event.Outcome.values:
        raise ValueError(f"outcome {outcome!r} is none of {Event.Outcome.values}")
    connection = connections[using]
    if not connection.in_atomic_block:
        raise RuntimeError("an event is recorded inside the transaction of the change it tells of")
    _take_turn(using)
    chain = current_chain(using=using)
    last = Event.objects.using(using).filter(chain=chain).order_by("-sequence").first()
    event = Event(
        id=uuid.uuid4(),
        chain=chain,
        sequence=1 if last is None else last.sequence + 1,
        at=timezone.now(),
        action=action,
        outcome=outcome,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name[:200],
        subject=subject[:200],
        facts_json=canonical(facts or {}),
        previous=GENESIS if last is None else last.digest,
    )
    event.digest = digest_of(event)
    event.save(using=using, force_insert=True)
    return event


def current_chain(*, using: str = "default") -> Chain:
    """The chain this site writes to: its only own one. Made on first use."""
    chain = Chain.objects.using(using).filter(origin=Chain.Origin.OWN).first()
    if chain is None:
        chain = Chain(name=settings.STRONGROOM_SITE_NAME, started_at=timezone.now())
        chain.save(using=using, force_insert=True)
    return chain


def record_seam(*, actor: Actor, facts: Mapping[str, Any] | None = None, using: str = "default") -> Event:
    """Note in this site's own chain where each imported chain ends.

    Called after a restore has merged the lost unit's log beside this unit's own: from then on the old
    log can be neither cut nor exchanged without `verify_chain` noticing.
    """
    own = current_chain(using=using).id
    heads = [
        {"chain": str(head.chain), "sequence": head.sequence, "digest": head.digest}
        for head in heads_of(using=using)
        if head.chain != own
    ]
    return record(SEAM, actor=actor, facts={**(facts or {}), "heads": heads}, using=using)


def head(*, using: str = "default") -> Head:
    """The newest event of the chain this site writes to."""
    chain = current_chain(using=using)
    last = Event.objects.using(using).filter(chain=chain).order_by("-sequence").first()
    return Head(chain.id, 0, GENESIS) if last is None else Head(chain.id, last.sequence, last.digest)


def heads_of(*, using: str = "default") -> list[Head]:
    """The head of every chain in this database, own and imported."""
    found = []
    for chain in Chain.objects.using(using).order_by("started_at", "id"):
        last = Event.objects.using(using).filter(chain=chain).order_by("-sequence").first()
        found.append(
            Head(chain.id, 0, GENESIS) if last is None else Head(chain.id, last.sequence, last.digest)
        )
    return found


def verify_chain(*, using: str = "default", known: Mapping[uuid.UUID, Head] | None = None) -> Verdict:
    """Read every event of every chain and check sequence, link and digest; never writes.

    `known` are heads noted earlier: each must still stand at its place, which finds a log that was
    cut at the end or rewritten as a whole. Seams recorded in the log are checked the same way.
    """
    count = 0
    heads: list[Head] = []
    faults: list[Fault] = []
    noted = {(head.chain, head.sequence): head.digest for head in (known or {}).values()}
    seen: dict[tuple[uuid.UUID, int], str] = {}
    seams: list[Head] = []
    for chain in Chain.objects.using(using).order_by("started_at", "id"):
        previous, expected = GENESIS, 1
        for event in _events(chain, using):
            count += 1
            if event.sequence != expected:
                faults.append(
                    Fault(chain.id, expected, f"events {expected} to {event.sequence - 1} are missing")
                )
            if event.previous != previous:
                faults.append(Fault(chain.id, event.sequence, "does not follow the event before it"))
            if digest_of(event) != event.digest:
                faults.append(Fault(chain.id, event.sequence, "was altered"))
            seen[(chain.id, event.sequence)] = event.digest
            if event.action == SEAM:
                seams += _seams(event)
            previous, expected = event.digest, event.sequence + 1
        heads.append(Head(chain.id, expected - 1, previous))
    for seam in seams:
        noted[(seam.chain, seam.sequence)] = seam.digest
    for (chain_id, sequence), digest in noted.items():
        if sequence and seen.get((chain_id, sequence)) != digest:
            faults.append(Fault(chain_id, sequence, "is not the event that was noted as the head"))
    return Verdict(count, tuple(heads), tuple(faults))


def canonical(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys, no blanks, ASCII only: one text for one value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=_plain)


def digest_of(event: Event) -> str:
    """SHA-256, hex, over all columns of `event` but the digest itself."""
    body = [
        "strongroom-event-v1",
        str(event.id),
        str(event.chain_id),
        event.sequence,
        event.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        event.action,
        event.outcome,
        event.actor_kind,
        event.actor_id,
        event.actor_name,
        event.subject,
        event.facts_json,
        event.previous,
    ]
    return hashlib.sha256(json.dumps(body, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()


def _events(chain: Chain, using: str) -> Iterator[Event]:
    after = -1
    while True:
        page = list(
            Event.objects.using(using).filter(chain=chain, sequence__gt=after).order_by("sequence")[:_PAGE]
        )
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].sequence


def _seams(event: Event) -> list[Head]:
    try:
        listed: Any = event.facts["heads"]
        return [Head(uuid.UUID(one["chain"]), int(one["sequence"]), str(one["digest"])) for one in listed]
    except (KeyError, TypeError, ValueError):
        return []  # an altered event: its digest has already been found wrong


def _take_turn(using: str) -> None:
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADVISORY_LOCK])


def _plain(value: object) -> str:
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"facts are JSON values, not {type(value).__name__}")
