"""Every model and field of a unit says what becomes of it in a backup image."""

from __future__ import annotations

from ground.db.portable import undeclared


def test_every_model_and_every_field_of_every_installed_app_is_declared() -> None:
    assert undeclared() == []
