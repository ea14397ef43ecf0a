"""Looks that rooms add to the sweeper."""

from __future__ import annotations

import pytest

from jobs import sweeper


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "_looks", [])


def test_one_look_that_fails_does_not_keep_the_others_from_looking() -> None:
    seen: list[str] = []

    @sweeper.on_look
    def broken() -> None:
        seen.append("broken")
        raise RuntimeError("a mistake")

    @sweeper.on_look
    def sound() -> None:
        seen.append("sound")

    sweeper.look_around()
    sweeper.look_around()
    assert seen == ["broken", "sound"] * 2


def test_a_look_is_registered_once() -> None:
    seen: list[int] = []

    def look() -> None:
        seen.append(1)

    sweeper.on_look(sweeper.on_look(look))
    sweeper.look_around()
    assert seen == [1]
