"""The writers' gate: a switch happens while nobody has the database open."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections

from ground.db import generations
from ground.db.gate import GateBusy, SharedHold, exclusive


def test_the_switch_is_refused_while_a_connection_stays_open(tmp_path: Path) -> None:
    hold = SharedHold(tmp_path)
    with pytest.raises(GateBusy) as refused, exclusive(tmp_path, timeout=0.1):
        pass
    assert refused.value.facts == {"waited_seconds": 0.1}
    hold.release()
    with exclusive(tmp_path, timeout=0.1):
        pass


def test_newcomers_wait_while_the_gate_is_held_alone(tmp_path: Path) -> None:
    with exclusive(tmp_path), pytest.raises(GateBusy):
        SharedHold(tmp_path, timeout=0.1)
    SharedHold(tmp_path, timeout=0.1).release()


def test_many_hold_the_gate_at_once(tmp_path: Path) -> None:
    holds = [SharedHold(tmp_path, timeout=1) for _ in range(50)]
    for hold in holds:
        hold.release()
        hold.release()


def test_a_stream_of_newcomers_does_not_keep_the_switch_out(tmp_path: Path) -> None:
    stop = threading.Event()

    def visit() -> None:
        while not stop.is_set():
            SharedHold(tmp_path).release()

    visitors = [threading.Thread(target=visit) for _ in range(6)]
    for thread in visitors:
        thread.start()
    try:
        for _ in range(20):
            with exclusive(tmp_path, timeout=10):
                pass
    finally:
        stop.set()
        for thread in visitors:
            thread.join()


def test_a_forgotten_hold_ends_with_its_owner(tmp_path: Path) -> None:
    hold = SharedHold(tmp_path)
    del hold
    with exclusive(tmp_path, timeout=0.1):
        pass


@pytest.mark.django_db(transaction=True)
def test_an_open_database_connection_holds_the_gate_and_a_closed_one_does_not() -> None:
    connection.ensure_connection()
    with pytest.raises(GateBusy), generations.exclusive(timeout=0.2):
        pass
    connection.close()
    with generations.exclusive(timeout=2):
        pass


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    "sqlcipher" not in settings.DATABASES["default"]["ENGINE"], reason="a thread's end closes the file there"
)
def test_a_connection_of_a_thread_that_ended_does_not_hold_the_gate() -> None:
    connection.close()
    thread = threading.Thread(target=lambda: connections["default"].ensure_connection())
    thread.start()
    thread.join()
    with generations.exclusive(timeout=2):
        pass
