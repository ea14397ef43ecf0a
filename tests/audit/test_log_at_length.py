"""10,000 alterations of the event log by who owns the database; each is found (`make attack-long`)."""

from __future__ import annotations

import random
import uuid
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F

from audit import triggers
from audit.log import head, record, verify_chain
from audit.models import Event
from tests.audit.test_log import COLUMNS, WRITER
from tests.support import figures

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600), pytest.mark.django_db]
EVENTS, ALTERATIONS = 100, 10_000


def put_in(event: Event, _rng: random.Random) -> None:
    """A second event of the same words after it; those that follow move up by one."""
    far = 1_000_000  # by two steps: no two may have one number even for a moment
    Event.objects.filter(sequence__gt=event.sequence).update(sequence=F("sequence") + far)
    Event.objects.filter(sequence__gt=far).update(sequence=F("sequence") - far + 1)
    Event.objects.create(
        **{field.name: getattr(event, field.name) for field in Event._meta.fields if field.name != "id"}
        | {"sequence": event.sequence + 1}
    )


def alter(event: Event, rng: random.Random) -> None:
    """One to three columns of one event."""
    chosen: dict[str, Any] = dict(rng.sample(sorted(COLUMNS.items(), key=str), rng.randint(1, 3)))
    if rng.random() < 0.5:
        spelt = {
            "action": f"tests.{rng.randrange(1 << 30)}",
            "subject": f"s{rng.randrange(1 << 30)}",
            "facts_json": f'{{"number":{rng.randrange(1000, 1 << 30)}}}',
            "actor_name": str(uuid.UUID(int=rng.getrandbits(128))),
        }
        chosen = dict([rng.choice(sorted(spelt.items()))])
    assert Event.objects.filter(pk=event.pk).update(**chosen) == 1


def remove(event: Event, _rng: random.Random) -> None:
    Event.objects.filter(pk=event.pk).delete()


def exchange(event: Event, rng: random.Random) -> None:
    """The facts of two events, each in the other's place."""
    other = Event.objects.exclude(pk=event.pk).order_by("sequence")[rng.randrange(EVENTS - 1)]
    Event.objects.filter(pk=event.pk).update(facts_json=other.facts_json, subject=other.subject)
    Event.objects.filter(pk=other.pk).update(facts_json=event.facts_json, subject=event.subject)


def test_10_000_of_10_000_alterations_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    seed = figures.seed()
    rng = random.Random(seed)
    for number in range(EVENTS):
        record("tests.long", actor=WRITER, subject=f"n{number}", facts={"number": number})
    noted = {head().chain: head()}
    assert verify_chain(known=noted).ok
    triggers.remove(connection)  # as for an attacker who owns the database
    events = list(Event.objects.order_by("sequence"))
    found = 0
    for _ in range(ALTERATIONS):
        ways = (alter, alter, alter, remove, exchange, put_in)
        with transaction.atomic():
            rng.choice(ways)(rng.choice(events), rng)
            found += not verify_chain(known=noted).ok
            transaction.set_rollback(True)
    assert verify_chain(known=noted).ok
    with capsys.disabled():
        figures.note("event log", f"{found} of {ALTERATIONS} alterations found", seed)
    assert found == ALTERATIONS
