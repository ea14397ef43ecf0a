"""Backups onto a real target."""

from __future__ import annotations

from tests.support.bench import Bench


def test_a_backup_is_committed_and_verified(unit_on_bench: Bench) -> None:
    image = unit_on_bench.back_up(unit_on_bench.add_target())
    assert image.state == "verified"
