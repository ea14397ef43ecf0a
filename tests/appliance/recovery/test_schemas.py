"""Images of an older schema and of the other database engine: every type of field, there and back.

The rows are those of an app that only these tests install, with a history of three later migrations: a new
column, a renamed one, a data migration (`tests.support.parcels`).
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from appliance.backup.engine.dbformat import Table
from appliance.recovery.errors import StreamTooNew, ValueHasNoPlace
from ground.db import generations
from tests.support.streams import (
    dumped,
    installed,
    load,
    rewritten,
    rows_in,
    scratch,
    scratch_on_postgresql,
)

pytestmark = pytest.mark.django_db(transaction=True)

LATER = ("0002_colour", "0003_title", "0004_slugs")
ODD = "Häfen \u2028 \U0001f6a2 'quoted' \\ %s \u202e\t\n end"
PARCELS: list[dict[str, Any]] = [
    {
        "title": ODD,
        "weight": decimal.Decimal("-123456789.000001"),
        "big": 2**63 - 1,
        "small": -(2**31),
        "ratio": 0.1,
        "fragile": True,
        "sent_at": dt.datetime(2026, 3, 29, 0, 59, 59, 999999, tzinfo=dt.UTC),
        "day": dt.date(1, 1, 1),
        "hour": dt.time(23, 59, 59, 999999),
        "took": dt.timedelta(days=-1, microseconds=1),
        "facts": {"uuid": "no tag", "n": [1, None, True, 1.5, {}, []], "ä": ODD, "big": 2**53},
        "raw": bytes(range(256)),
        "note": "x" * 100_000,
    },
    {"title": "", "big": -(2**63), "ratio": 1e300},
    {"title": "Plain Words", "big": 0, "ratio": -0.5, "facts": [], "raw": b"", "fragile": False},
]

Fresh = Callable[[], str]


def model_of(name: str) -> Any:
    """A model of the app; looked up late, as the app is installed only while a test asks for it."""
    return apps.get_model("parcels", name)


@pytest.fixture
def parcels() -> Iterator[None]:
    with installed("tests.support.parcels"):
        yield


@pytest.fixture
def fresh() -> Iterator[Fresh]:
    """Makes empty databases on this site's engine."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(scratch())


@pytest.fixture
def on_postgresql(servers: dict[str, str]) -> Iterator[str]:
    assert connection.vendor == "sqlite"
    with scratch_on_postgresql(servers["DATABASE_URL"]) as alias:
        yield alias


@pytest.fixture
def furnished(parcels: None, fresh: Fresh) -> str:
    """A database at the newest schema with a row of every kind."""
    alias = fresh()
    generations.migrate(alias)
    parcel, sticker = model_of("Parcel"), model_of("Sticker")
    stickers = [sticker.objects.using(alias).create(pk=pk, text=f"no. {pk}") for pk in (1, 7, 2**40)]
    last = None
    for given in PARCELS:
        last = parcel.objects.using(alias).create(inside=last, **given)
        last.stickers.set(stickers)
    return alias


def as_the_older_release_wrote_it(data: bytes) -> bytes:
    """Before the three migrations: no colour, no slug, and the title was called name."""
    gone = {"colour", "slug"}

    def table(record: Table) -> Table:
        names = ["name" if name == "title" else name for name in record.fields if name not in gone]
        return Table(record.label, tuple(names), record.link) if is_parcel(record) else record

    def row(record: Table, values: list[Any]) -> list[Any]:
        pairs = zip(record.fields, values, strict=True)
        return [value for name, value in pairs if not is_parcel(record) or name not in gone]

    def is_parcel(record: Table) -> bool:
        return record.label == "parcels.Parcel" and not record.link

    return rewritten(data, migrations=lambda pair: pair[1] not in LATER, tables=table, rows=row)


def check_migrated(alias: str, source: str) -> None:
    """What the older release had is there as it was; what is new is as its migrations say."""
    parcel = model_of("Parcel")
    slugs = {p.title: p.slug for p in parcel.objects.using(alias).all()}
    assert slugs == {title: title.lower().replace(" ", "-") for title in ("", "Plain Words", ODD)}
    assert set(parcel.objects.using(alias).values_list("colour", flat=True)) == {"grey"}
    assert generations.applied_migrations(alias) == generations.applied_migrations(source)
    parcel.objects.using(alias).update(slug=None)
    assert rows_in(alias) == rows_in(source)


# ---- refused -----------------------------------------------------------------------------------------------


def test_rows_of_an_app_that_this_release_lacks_are_refused_by_the_names_of_its_migrations(
    fresh: Fresh,
) -> None:
    with installed("tests.support.parcels"):
        newer = fresh()
        generations.migrate(newer)
        data = dumped(newer)
    with pytest.raises(StreamTooNew) as refused:
        load(data, fresh())
    assert refused.value.facts["unknown"] == [f"parcels.{name}" for name in ("0001_initial", *LATER)]


@pytest.mark.postgres
def test_what_sqlite_kept_and_postgresql_cannot_is_refused_in_words(
    furnished: str, on_postgresql: str
) -> None:
    parcel = model_of("Parcel")
    astray: list[dict[str, Any]] = [
        {"title": "longer than its column" * 4},
        {"note": "a character \x00 that PostgreSQL has no place for"},
        {"facts": ["the same \x00 in JSON"]},
        {"small": 2**31},
    ]
    for field in astray:
        row = parcel.objects.using(furnished).create(**{"title": "", "big": 0, "ratio": 0.0, **field})
        with pytest.raises(ValueHasNoPlace) as refused:
            load(dumped(furnished), on_postgresql)
        assert refused.value.facts["table"] == "parcels.Parcel"
        row.delete()


# ---- brought back ------------------------------------------------------------------------------------------


def test_an_image_of_an_older_schema_is_migrated_forward_with_its_rows(furnished: str, fresh: Fresh) -> None:
    alias = fresh()
    load(as_the_older_release_wrote_it(dumped(furnished)), alias)
    check_migrated(alias, furnished)


@pytest.mark.postgres
def test_an_older_image_made_on_sqlite_goes_to_postgresql_and_a_new_one_from_there_to_sqlite(
    furnished: str, on_postgresql: str, fresh: Fresh
) -> None:
    load(as_the_older_release_wrote_it(dumped(furnished)), on_postgresql)
    check_migrated(on_postgresql, furnished)
    back = fresh()
    load(dumped(on_postgresql), back)
    assert rows_in(back) == rows_in(furnished)
    assert len(rows_in(back)["parcels.Parcel"]) == len(PARCELS)
    sticker = model_of("Sticker")  # numbered by the database
    for alias in (on_postgresql, back):
        assert sticker.objects.using(alias).create(text="next").pk == 2**40 + 1
