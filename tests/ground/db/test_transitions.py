"""Compare-and-swap: the check and the change are one."""

from __future__ import annotations

import pytest
from django.db.models import F

from ground.db.transitions import swap, transition
from ground.models import IdempotentAnswer
from ground.refusals import Stale

pytestmark = pytest.mark.django_db


@pytest.fixture
def row() -> IdempotentAnswer:
    return IdempotentAnswer.objects.create(caller="c", call="open", key="k", fingerprint="f", status=1)


def test_a_row_that_moved_meanwhile_is_stale_and_stays_as_it_is(row: IdempotentAnswer) -> None:
    IdempotentAnswer.objects.update(call="closed")
    with pytest.raises(Stale) as refused:
        transition(row, "call", "open", "shut", status=9)
    assert refused.value.facts == {
        "thing": "idempotent answer",
        "id": str(row.pk),
        "wanted": "shut",
        "is": "closed",
    }
    row.refresh_from_db()
    assert (row.call, row.status) == ("closed", 1)


def test_a_row_that_is_gone_is_stale(row: IdempotentAnswer) -> None:
    IdempotentAnswer.objects.all().delete()
    with pytest.raises(Stale):
        transition(row, "call", "open", "shut")


def test_of_two_who_move_it_one_wins(row: IdempotentAnswer) -> None:
    first, second = IdempotentAnswer.objects.get(), IdempotentAnswer.objects.get()
    assert [swap(first, "call", "open", "shut"), swap(second, "call", "open", "locked")] == [True, False]
    row.refresh_from_db()
    assert row.call == "shut"


def test_a_swap_over_more_than_one_row_is_a_fault(row: IdempotentAnswer) -> None:
    IdempotentAnswer.objects.create(caller="c", call="open", key="other", fingerprint="f")
    with pytest.raises(AssertionError, match="2 rows"):
        swap(IdempotentAnswer.objects.all(), "call", "open", "shut")


def test_a_move_sets_what_goes_with_it_in_row_and_object(row: IdempotentAnswer) -> None:
    transition(row, "call", ["open", "ajar"], "shut", status=F("status") + 1, location="x")
    assert (row.call, row.status, row.location) == ("shut", 2, "x")
    row.refresh_from_db()
    assert (row.call, row.status, row.location) == ("shut", 2, "x")


def test_the_filters_of_a_queryset_are_part_of_the_comparison(row: IdempotentAnswer) -> None:
    assert not swap(IdempotentAnswer.objects.filter(pk=row.pk, status=2), "call", "open", "shut")
    assert swap(IdempotentAnswer.objects.filter(pk=row.pk, status=1), "call", "open", "shut")
