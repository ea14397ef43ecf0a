"""Generations: a second database is built beside the live one and switched in by one step."""

from __future__ import annotations

import threading

import pytest
from django.conf import settings
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from audit.models import Chain
from config.site import site
from ground.db import generations
from ground.files import use
from ground.models import IdempotentAnswer
from tests.support.faultfs import FaultFs, points

pytestmark = pytest.mark.django_db(transaction=True)
SQLCIPHER = "sqlcipher" in settings.DATABASES["default"]["ENGINE"]


def names(alias: str = "default") -> list[str]:
    return list(IdempotentAnswer.objects.using(alias).order_by("key").values_list("key", flat=True))


def add(key: str, alias: str = "default") -> None:
    IdempotentAnswer.objects.using(alias).create(caller="c", call="c", key=key, fingerprint="f")


def filled(key: str) -> generations.Generation:
    generation = generations.new_generation()
    with generations.scratch(generation) as alias:
        generations.migrate(alias)
        add(key, alias)
    return generation


def test_a_failing_merge_switches_nothing_and_leaves_an_orphan() -> None:
    add("live")
    generation = filled("scratch")

    def merge(live: str, scratch: str) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        generations.switch_database(generation, merge)
    assert names() == ["live"]
    assert generation in generations.orphans()
    generations.remove(generation)
    assert generation not in generations.orphans()


def test_the_live_generation_is_not_removed() -> None:
    with pytest.raises(ValueError, match=r"live|names no"):
        generations.remove(generations.current() or generations.Generation("live"))


def test_a_scratch_database_is_migrated_to_a_named_state_and_then_forward() -> None:
    generation = generations.new_generation()
    with generations.scratch(generation) as alias:
        generations.migrate(alias, [("audit", "0001_initial")])
        assert generations.applied_migrations(alias)["audit"] == ["0001_initial"]
        generations.migrate(alias)
        assert generations.applied_migrations(alias) == generations.applied_migrations()
    generations.remove(generation)


def test_the_switch_brings_everyone_to_the_new_database_with_the_rows_the_unit_keeps() -> None:
    add("live")
    generation = filled("scratch")

    def merge(live: str, scratch: str) -> None:
        assert names(live) == ["live"]
        add("kept", scratch)

    old = generations.switch_database(generation, merge)
    assert names() == ["kept", "scratch"]
    assert old is not None
    assert old in generations.orphans()
    generations.remove(old)
    assert names() == ["kept", "scratch"]


def test_threads_that_come_and_go_notice_nothing_but_the_new_database() -> None:
    add("live")
    generation = filled("scratch")
    stop = threading.Event()
    seen: list[tuple[str, ...]] = []
    failures: list[BaseException] = []

    def look() -> None:
        try:
            while not stop.is_set():
                seen.append(tuple(names()))
                connections["default"].close()
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        connection.close()
        old = generations.switch_database(generation)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert set(seen) <= {("live",), ("scratch",)}
    assert names() == ["scratch"]
    assert old is not None
    generations.remove(old)


def test_the_event_log_refuses_changes_in_the_new_database_too() -> None:
    generation = filled("scratch")
    with generations.scratch(generation) as alias:
        chain = Chain.objects.using(alias).create(name="c", started_at=timezone.now())
        with pytest.raises(Exception, match="append-only"):
            chain.delete()
    generations.remove(generation)


@pytest.mark.skipif(not SQLCIPHER, reason="PostgreSQL's two renames are one transaction of the server")
def test_a_fault_at_any_operation_of_the_switch_leaves_one_of_the_two_databases_live() -> None:
    add("live")
    live = generations.current()
    seen = set()

    def run(fs: FaultFs) -> None:
        generation = filled("scratch")
        with use(fs):
            try:
                generations.switch_database(generation)
            except OSError:
                pass
        seen.add(tuple(names()))
        connection.close()
        # Back to where it was, for the next run.
        link = site().db / "current"
        link.unlink()
        assert live is not None
        link.symlink_to(live.name)

    tried = list(points(run))
    assert len(tried) > 3
    assert seen == {("live",), ("scratch",)}
    for orphan in generations.orphans():
        generations.remove(orphan)


@pytest.mark.skipif(not SQLCIPHER, reason="PostgreSQL is migrated")
def test_a_copied_schema_is_what_the_migrations_make() -> None:
    def schema(alias: str) -> set[tuple[str, ...]]:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master")
            return set(cursor.fetchall())

    def rows(alias: str) -> dict[str, int]:
        found = {}
        with connections[alias].cursor() as cursor:
            for name in connections[alias].introspection.table_names(cursor):
                cursor.execute(f'SELECT count(*) FROM "{name}"')  # names of our own schema
                found[name] = cursor.fetchone()[0]
        return found

    add("live")
    migrated, copied = generations.new_generation(), generations.new_generation()
    with generations.scratch(migrated) as one, generations.scratch(copied) as other:
        generations.migrate(one)
        recorded = set(MigrationRecorder(connections[one]).applied_migrations())
        assert not generations.copy_schema(other, recorded - {("audit", "0001_initial")})
        assert schema(other) == set()
        assert generations.copy_schema(other, recorded)
        assert schema(other) == schema(one)
        assert rows(other) == rows(one)
    for generation in (migrated, copied):
        generations.remove(generation)
