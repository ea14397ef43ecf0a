"""The event log: append-only, chained, verifiable."""

from __future__ import annotations

import random
import threading
import uuid

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction

from audit import triggers
from audit.actor import Actor
from audit.log import Head, head, record, record_seam, verify_chain
from audit.models import Chain, Event
from audit.transfer import ChainConflict, merge_chains, merge_events
from ground.db import generations

WRITER = Actor.system("tests")
SAMPLE = 60  # events; every one of them is attacked


@pytest.fixture
def events(db: None) -> list[Event]:
    return [record(f"tests.{number}", actor=WRITER, facts={"number": number}) for number in range(SAMPLE)]


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        record("tests.one", actor=WRITER)


@pytest.mark.django_db(transaction=True)
def test_an_event_stands_exactly_when_the_change_it_tells_of_stands() -> None:
    with transaction.atomic():
        record("tests.one", actor=WRITER)
        transaction.set_rollback(True)
    assert Event.objects.count() == 0
    with transaction.atomic():
        record("tests.two", actor=WRITER)
    assert [event.sequence for event in Event.objects.all()] == [1]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET action = 'other'",
        "DELETE FROM audit_event",
        "DELETE FROM audit_chain",
    ],
)
def test_the_database_refuses_to_change_or_delete_events(events: list[Event], statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.django_db
def test_an_unknown_outcome_and_a_fact_that_is_no_json_are_refused() -> None:
    with pytest.raises(ValueError, match="outcome"):
        record("tests.one", actor=WRITER, outcome="perhaps")
    with pytest.raises(TypeError, match="bytes"):
        record("tests.one", actor=WRITER, facts={"key": b"secret"})


@pytest.fixture
def unguarded(events: list[Event]) -> list[Event]:
    """As for an attacker who owns the database: the triggers are gone."""
    triggers.remove(connection)
    return events


COLUMNS = {
    "action": "x",
    "outcome": "refused",
    "actor_kind": "user",
    "actor_id": "x",
    "actor_name": "x",
    "subject": "x",
    "facts_json": '{"number":-1}',
    "previous": "f" * 64,
    "digest": "f" * 64,
    "sequence": 100_000,
    "id": uuid.UUID(int=1),
}


@pytest.mark.django_db
def test_every_altered_event_is_found_whatever_the_column(unguarded: list[Event]) -> None:
    found = tried = 0
    for event in unguarded:
        column, value = random.Random(event.sequence).choice(sorted(COLUMNS.items(), key=str))
        with transaction.atomic():
            assert Event.objects.filter(pk=event.pk).update(**{column: value}) == 1
            tried += 1
            found += not verify_chain().ok
            transaction.set_rollback(True)
    assert (found, tried) == (SAMPLE, SAMPLE)


@pytest.mark.django_db
@pytest.mark.parametrize("column", sorted(COLUMNS))
def test_an_alteration_of_each_column_is_found(unguarded: list[Event], column: str) -> None:
    Event.objects.filter(pk=unguarded[7].pk).update(**{column: COLUMNS[column]})
    assert not verify_chain().ok


@pytest.mark.django_db
def test_every_deleted_event_is_found_the_last_one_by_the_noted_head(unguarded: list[Event]) -> None:
    noted = {head().chain: head()}
    found = 0
    for event in unguarded:
        with transaction.atomic():
            Event.objects.filter(pk=event.pk).delete()
            found += not verify_chain(known=noted).ok
            transaction.set_rollback(True)
    assert found == SAMPLE


@pytest.mark.django_db
def test_every_inserted_event_is_found(unguarded: list[Event]) -> None:
    found = 0
    for event in unguarded:
        with transaction.atomic():
            Event.objects.create(
                chain=event.chain,
                sequence=1000 + event.sequence,
                at=event.at,
                action="tests.inserted",
                outcome="done",
                actor_kind="user",
                actor_id="x",
                actor_name="x",
                previous=event.digest,
                digest=event.digest,
            )
            found += not verify_chain().ok
            transaction.set_rollback(True)
    assert found == SAMPLE


@pytest.mark.django_db
def test_a_log_rewritten_as_a_whole_is_found_by_the_noted_head(unguarded: list[Event]) -> None:
    noted = {head().chain: head()}
    chain = unguarded[0].chain
    Event.objects.all().delete()
    for number in range(SAMPLE):
        record(f"tests.{number}", actor=WRITER, facts={"number": -number})
    assert verify_chain().ok
    verdict = verify_chain(known=noted)
    assert [(fault.chain, fault.sequence) for fault in verdict.faults] == [(chain.id, SAMPLE)]


@pytest.mark.django_db
def test_the_command_says_where_and_ends_with_an_error(
    unguarded: list[Event], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("verify_events")
    assert f"{SAMPLE} events" in capsys.readouterr().out
    Event.objects.filter(sequence=5).update(actor_name="someone else")
    with pytest.raises(SystemExit) as ended:
        call_command("verify_events")
    assert ended.value.code == 1
    assert "at event 5: was altered" in capsys.readouterr().out


@pytest.mark.django_db
def test_an_intact_log_verifies_and_tells_its_head(events: list[Event]) -> None:
    verdict = verify_chain()
    assert verdict.ok
    assert verdict.events == SAMPLE
    assert verdict.heads == (Head(events[0].chain_id, SAMPLE, events[-1].digest),)
    assert verdict.heads[0] == head()


@pytest.mark.django_db(transaction=True)
def test_writers_side_by_side_make_one_chain() -> None:
    def write() -> None:
        try:
            for number in range(10):
                with transaction.atomic():
                    record("tests.thread", actor=WRITER, facts={"number": number})
        finally:
            connections["default"].close()

    with transaction.atomic():
        record("tests.first", actor=WRITER)
    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdict = verify_chain()
    assert (verdict.ok, verdict.events) == (True, 41)


# A restore: the lost unit's log comes back beside this unit's own.


def write(count: int, word: str) -> None:
    with transaction.atomic():
        for number in range(count):
            record(f"tests.{word}", actor=WRITER, facts={"number": number})


def copy_log(source: str, target: str) -> None:
    """As a restore loads an image's rows."""
    for chain in Chain.objects.using(source):
        chain.save(using=target, force_insert=True)
    Event.objects.using(target).bulk_create(Event.objects.using(source).order_by("sequence"))


@pytest.mark.django_db(transaction=True)
def test_a_lost_units_log_is_imported_read_only_and_the_seam_holds_it() -> None:
    lost = generations.new_generation()
    with generations.scratch(lost) as alias:
        generations.migrate(alias)
        with transaction.atomic(using=alias):
            for _ in range(5):
                record("tests.old", actor=WRITER, using=alias)
        write(3, "new")
        restored = generations.new_generation()
        with generations.scratch(restored) as scratch:
            generations.migrate(scratch)
            copy_log(alias, scratch)
            merge_chains("default", scratch)
            merge_events("default", scratch)
            with transaction.atomic(using=scratch):
                seam = record_seam(actor=WRITER, using=scratch)
            verdict = verify_chain(using=scratch)
            assert (verdict.ok, verdict.events) == (True, 9)
            assert {chain.origin for chain in Chain.objects.using(scratch)} == {"own", "imported"}
            assert seam.sequence == 4
            triggers.remove(connections[scratch])
            newest = (
                Event.objects.using(scratch).filter(chain__origin="imported").order_by("-sequence").first()
            )
            assert newest is not None
            newest.delete()
            assert not verify_chain(using=scratch).ok
        generations.remove(restored)
    generations.remove(lost)


@pytest.mark.django_db(transaction=True)
def test_an_older_image_of_the_same_unit_continues_its_own_chain() -> None:
    write(3, "before")
    restored = generations.new_generation()
    with generations.scratch(restored) as scratch:
        generations.migrate(scratch)
        copy_log("default", scratch)
        write(2, "after")
        merge_chains("default", scratch)
        merge_events("default", scratch)
        verdict = verify_chain(using=scratch)
        assert (verdict.ok, verdict.events) == (True, 5)
        assert [chain.origin for chain in Chain.objects.using(scratch)] == ["own"]
    generations.remove(restored)


@pytest.mark.django_db(transaction=True)
def test_a_newer_image_continues_a_chain_that_an_older_one_brought() -> None:
    """Restored from an older image, then from a newer one of the same unit."""
    write(3, "before")
    restored = generations.new_generation()
    with generations.scratch(restored) as scratch:
        generations.migrate(scratch)
        copy_log("default", scratch)
        with transaction.atomic(using=scratch):
            record("tests.later", actor=WRITER, using=scratch)
        merge_chains("default", scratch)
        merge_events("default", scratch)
        verdict = verify_chain(using=scratch)
        assert (verdict.ok, verdict.events) == (True, 4)
    generations.remove(restored)


@pytest.mark.django_db(transaction=True)
def test_an_image_that_tells_another_story_of_this_units_chain_is_refused() -> None:
    write(3, "true")
    restored = generations.new_generation()
    with generations.scratch(restored) as scratch:
        generations.migrate(scratch)
        copy_log("default", scratch)
        with transaction.atomic(using=scratch):
            record("tests.false", actor=WRITER, using=scratch)
        write(1, "true")
        merge_chains("default", scratch)
        with pytest.raises(ChainConflict):
            merge_events("default", scratch)
    generations.remove(restored)
