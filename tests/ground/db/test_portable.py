"""What travels in an image: every model and every field has an entry."""

from __future__ import annotations

import pytest
from django.apps import apps

from ground.db import portable as module
from ground.db.portable import (
    Declaration,
    declaration,
    declarations,
    field_names,
    portable,
    travelling,
    undeclared,
)


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> dict[str, Declaration]:
    """A copy, so that a planted fault does not stay."""
    declarations()
    copy = dict(module._declared)
    monkeypatch.setattr(module, "_declared", copy)
    return copy


def test_a_forgotten_model_is_found(declared: dict[str, Declaration]) -> None:
    del declared["jobs.Job"]
    assert "jobs.Job" in undeclared()


def test_a_forgotten_an_invented_and_a_doubled_field_are_found(declared: dict[str, Declaration]) -> None:
    del declared["accounts.RoleGrant"]
    portable("accounts.RoleGrant", "image", ["id", "created_at", "user", "invented"], ["granted_by", "user"])
    found = [name for name in undeclared() if "RoleGrant" in name]
    assert found == [
        "accounts.RoleGrant.invented",
        "accounts.RoleGrant.role",
        "accounts.RoleGrant.user twice",
    ]


@pytest.mark.parametrize(
    ("keep", "merge"), [("merge", ""), ("image", "a.b"), ("everything", ""), ("unit", "a.b")]
)
def test_a_declaration_that_makes_no_sense_is_refused(
    declared: dict[str, Declaration], keep: str, merge: str
) -> None:
    with pytest.raises(ValueError, match=r"jobs\.JobLine"):
        portable("jobs.JobLine", keep, merge=merge)  # type: ignore[arg-type]  # what is refused here


def test_a_second_different_declaration_is_refused(declared: dict[str, Declaration]) -> None:
    with pytest.raises(ValueError, match="twice"):
        portable("jobs.Job", "image", ["id"])


def test_secrets_of_sessions_and_tokens_never_travel() -> None:
    labels = {entry.label for entry in travelling()}
    assert "accounts.User" in labels
    assert labels.isdisjoint({"sessions.Session", "accounts.ApiToken", "jobs.Job", "ground.IdempotentAnswer"})


def test_an_entry_names_its_model_and_all_its_fields() -> None:
    entry = declaration(apps.get_model("audit", "Event"))
    assert sorted([*entry.fields, *entry.drop]) == sorted(field_names(entry.model))
