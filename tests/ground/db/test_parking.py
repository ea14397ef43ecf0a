"""Between two units of work of a long job the writers' gate is free."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import connection, connections, transaction

from ground.db import generations
from ground.db.gate import GateBusy
from ground.db.parking import in_use, let_go, unit_of_work
from ground.models import IdempotentAnswer

pytestmark = pytest.mark.django_db(transaction=True)
SQLCIPHER = "sqlcipher" in settings.DATABASES["default"]["ENGINE"]


def add(key: str, alias: str = "default") -> None:
    IdempotentAnswer.objects.using(alias).create(caller="c", call="c", key=key, fingerprint="f")


def keys() -> list[str]:
    return list(IdempotentAnswer.objects.order_by("key").values_list("key", flat=True))


@pytest.fixture(autouse=True)
def _closed() -> None:
    connections["default"].close()


def test_within_a_unit_of_work_a_switch_waits() -> None:
    with unit_of_work():
        add("live")
        assert in_use()
        with pytest.raises(GateBusy), generations.exclusive(timeout=0.1):
            raise AssertionError("the gate was free")


def test_between_two_units_of_work_the_gate_is_free() -> None:
    with unit_of_work():
        add("live")
    assert not in_use()
    with generations.exclusive(timeout=5):
        pass
    with unit_of_work():
        assert keys() == ["live"]


def test_a_unit_of_work_within_another_one_lets_go_of_nothing() -> None:
    with unit_of_work():
        add("live")
        with unit_of_work():
            add("more")
        assert in_use()


def test_within_a_transaction_nothing_is_let_go_of() -> None:
    with transaction.atomic():
        add("live")
        let_go()
        assert in_use()
    assert keys() == ["live"]


@pytest.mark.skipif(not SQLCIPHER, reason="elsewhere the connection is closed")
def test_a_parked_connection_is_the_same_one_afterwards() -> None:
    with unit_of_work():
        add("live")
        before = connection.connection
    with unit_of_work():
        assert keys() == ["live"]
        assert connection.connection is before


def test_after_a_switch_a_parked_connection_gives_way_to_one_of_the_new_database() -> None:
    with unit_of_work():
        add("old")
    generation = generations.new_generation()
    with generations.scratch(generation) as alias:
        generations.migrate(alias)
        add("new", alias)
    connections["default"].ensure_connection()
    let_go()
    parked = connection.connection
    with generations.exclusive(timeout=5):
        pass
    # Another process switches: this thread's connection is not closed for it.
    connections["default"].connection, closed = None, connections["default"].connection
    generations.switch_database(generation)
    connections["default"].connection = closed
    assert parked is closed
    with unit_of_work():
        assert keys() == ["new"]
