"""The database stream into a scratch database: what is refused and what comes back."""

from __future__ import annotations

import io
from typing import Any

import pytest

from accounts.models import RoleGrant, User
from appliance.backup.engine.dbformat import StreamReader, Table
from appliance.backup.engine.dump import DatabaseStream
from appliance.catalog.models import VirtualImage
from appliance.recovery.errors import StreamDamaged, StreamInconsistent, StreamTooNew
from ground.db import generations
from ground.db.portable import travelling
from tests.support.people import person
from tests.support.streams import dumped, load, rewritten, rows_in, scratch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people() -> list[User]:
    return [person("admin", username="ada"), person("auditor", "member", username="bob")]


# ---- refused -----------------------------------------------------------------------------------------------


def test_a_stream_of_a_newer_release_is_refused_by_name(people: list[User]) -> None:
    data = dumped().replace(
        b'["accounts","0001_initial"]', b'["accounts","0001_initial"],["accounts","9999_future"]', 1
    )
    with scratch() as alias, pytest.raises(StreamTooNew) as refused:
        load(data, alias)
    assert refused.value.facts["unknown"] == ["accounts.9999_future"]


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -30])
def test_a_stream_cut_anywhere_is_damaged(people: list[User], cut: int) -> None:
    with scratch() as alias, pytest.raises(StreamDamaged):
        load(dumped()[:cut], alias)


def test_a_row_that_refers_to_nobody_is_inconsistent(people: list[User]) -> None:
    def astray(table: Table, row: list[Any]) -> list[Any]:
        swap = {"accounts.RoleGrant": table.fields.index("user") if "user" in table.fields else -1}
        at = swap.get(table.label, -1)
        return [people[0].pk.__class__(int=7) if i == at else value for i, value in enumerate(row)]

    with scratch() as alias, pytest.raises(StreamInconsistent):
        load(rewritten(dumped(), rows=astray), alias)


def test_two_rows_with_one_key_are_inconsistent(people: list[User]) -> None:
    def same(table: Table, row: list[Any]) -> list[Any]:
        is_user = table.label == "accounts.User"
        return [
            people[0].pk if is_user and name == "id" else v for name, v in zip(table.fields, row, strict=True)
        ]

    with scratch() as alias, pytest.raises(StreamInconsistent):
        load(rewritten(dumped(), rows=same), alias)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: Table("accounts.Nobody", t.fields),
        lambda t: Table("nonsense", t.fields),
        lambda t: Table(t.label, tuple(f"{name}x" for name in t.fields)),
        lambda t: Table(t.label, t.fields, link="friends"),
        lambda t: Table("accounts.User", t.fields),
    ],
)
def test_a_table_or_field_its_migrations_do_not_know_is_refused(people: list[User], change: Any) -> None:
    with scratch() as alias, pytest.raises(StreamDamaged):
        load(rewritten(dumped(), tables=change), alias)


def test_a_value_that_does_not_fit_its_field_is_refused(people: list[User]) -> None:
    def misfit(table: Table, row: list[Any]) -> list[Any]:
        return ["no uuid" if name == "id" else value for name, value in zip(table.fields, row, strict=True)]

    with scratch() as alias, pytest.raises(StreamDamaged):
        load(rewritten(dumped(), rows=misfit), alias)


def test_whoever_watches_can_end_the_load(people: list[User]) -> None:
    class Enough(Exception):
        pass

    def enough(rows: int) -> None:
        raise Enough

    with scratch() as alias, pytest.raises(Enough):
        load(dumped(), alias, watch=enough)


# ---- loaded ------------------------------------------------------------------------------------------------


def same_rows(alias: str) -> None:
    """Every travelling row stands in `alias` as it stands here, field by field."""
    assert rows_in(alias) == rows_in()


def test_every_row_comes_back_field_by_field(people: list[User]) -> None:
    VirtualImage.objects.create(
        name="odd \u2028 näme", owner=people[0], owner_name="ada", source="file", state="failed",
        problem={"uuid": "not a tag", "n": [1, None, True, 1.5]}, size=2**40,
    )  # fmt: skip
    with scratch() as alias:
        loaded = load(dumped(), alias)
        same_rows(alias)
        assert loaded.rows["accounts.User"] == 2
        assert loaded.rows["accounts.RoleGrant"] == RoleGrant.objects.count()
        assert User.objects.using(alias).get(username="ada").check_password("correct horse battery staple")


def test_dropped_fields_get_their_defaults(people: list[User]) -> None:
    VirtualImage.objects.create(
        name="x", owner_name="", source="file", state="waiting", path="/srv/secret-place.img"
    )
    data = dumped()
    assert b"secret-place" not in data
    with scratch() as alias:
        load(data, alias)
        assert VirtualImage.objects.using(alias).get().path == ""


def test_what_stays_with_the_unit_is_not_in_the_stream(people: list[User]) -> None:
    tables = {
        record.label for record in StreamReader(io.BytesIO(dumped())).records() if isinstance(record, Table)
    }
    assert tables == {entry.label for entry in travelling()}
    assert not tables & {"jobs.Job", "accounts.ApiToken", "sessions.Session", "appliance_unit.Unit"}


def test_an_image_of_an_older_release_is_migrated_to_its_state_and_then_forward(people: list[User]) -> None:
    """`auth` stood one migration back when the image was made."""
    older = rewritten(dumped(), migrations=lambda pair: pair != ("auth", newest("auth")))
    with scratch() as alias:
        load(older, alias)
        assert generations.applied_migrations(alias) == generations.applied_migrations()
        same_rows(alias)


def newest(app: str) -> str:
    return generations.applied_migrations()[app][-1]


def test_a_gap_in_the_recorded_migrations_is_refused(people: list[User]) -> None:
    first = generations.applied_migrations()["auth"][0]
    with scratch() as alias, pytest.raises(StreamDamaged):
        load(rewritten(dumped(), migrations=lambda pair: pair != ("auth", first)), alias)


def test_the_stream_is_one_snapshot_and_blocks_no_writer(people: list[User]) -> None:
    """Rows written after the first byte are not in it, and are written at once."""
    with DatabaseStream(serial="SR-1", beside=lambda alias: User.objects.using(alias).count()) as stream:
        first = stream.read(1)
        person("member", username="late")
        rest = stream.read()
    data = first + rest
    assert stream.found == 2
    assert b'"late"' not in data
    assert User.objects.count() == 3


def test_a_stream_that_is_given_up_ends_its_thread(people: list[User]) -> None:
    with DatabaseStream(serial="SR-1", beside=lambda _: None) as stream:
        stream.read(1)
    assert not stream._thread.is_alive()
