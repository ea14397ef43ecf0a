"""What a policy keeps: refusals, the rules one by one, and a brute-force oracle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.backup.errors import BadRetentionRule, KeepsNothing
from appliance.backup.retention import Facts, Plan, Policy, decide

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def image(number: int, made_at: datetime, *, verified: bool = True, holds: tuple[str, ...] = ()) -> Facts:
    return Facts(UUID(int=number), made_at, verified, holds)


def daily(count: int) -> list[Facts]:
    return [image(n, START + timedelta(days=n)) for n in range(count)]


def kept(plan: Plan) -> dict[int, set[str]]:
    return {item.image.int: set(item.reasons) for item in plan.kept}


# ---- refused -----------------------------------------------------------------------------------------------


def test_a_policy_that_keeps_nothing_is_refused() -> None:
    with pytest.raises(KeepsNothing):
        Policy().check()


@pytest.mark.parametrize(
    "policy",
    [
        Policy(daily=-1),
        Policy(keep_last=10_001),
        Policy(weekly=True),
        Policy(daily=1, time_zone="Nowhere/Land"),
        Policy(daily=1, time_zone="../../etc/passwd"),
        Policy(daily=1, time_zone=""),
        Policy(daily=1, time_zone="a\0b"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(policy: Policy) -> None:
    with pytest.raises(BadRetentionRule):
        policy.check()


# ---- rules -------------------------------------------------------------------------------------------------


def test_keep_last_keeps_the_newest_and_says_so() -> None:
    plan = decide(Policy(keep_last=2), daily(5))
    assert kept(plan) == {4: {"last", "newest-verified"}, 3: {"last"}}
    assert [gone.id.int for gone in plan.expired] == [2, 1, 0]


def test_of_images_made_in_one_second_the_later_in_the_chain_is_the_newer() -> None:
    pair = [Facts(UUID(int=9 - n), START, verified=True, sequence=n) for n in (1, 2, 3)]
    plan = decide(Policy(keep_last=1), pair)
    assert [item.image.int for item in plan.kept] == [6]


def test_each_reason_stands_beside_the_others() -> None:
    plan = decide(
        Policy(keep_last=1, daily=1, weekly=1, monthly=1, yearly=1, hourly=1, within_days=1), daily(3)
    )
    assert kept(plan)[2] == {
        "last",
        "hourly",
        "daily",
        "weekly",
        "monthly",
        "yearly",
        "within",
        "newest-verified",
    }
    assert kept(plan)[1] == {"within"}


def test_daily_takes_the_newest_of_each_day_that_has_one_by_the_wall_clock() -> None:
    zone = ZoneInfo("Europe/Berlin")
    late = image(1, datetime(2026, 3, 1, 23, 30, tzinfo=zone))
    next_day = image(2, datetime(2026, 3, 2, 0, 15, tzinfo=zone))  # the same day in UTC
    after_a_gap = image(3, datetime(2026, 3, 20, 8, tzinfo=zone))
    images = [late, next_day, after_a_gap]
    assert set(kept(decide(Policy(daily=3, time_zone="Europe/Berlin"), images))) == {1, 2, 3}
    assert set(kept(decide(Policy(daily=3, time_zone="UTC"), images))) == {2, 3}


def test_the_hour_that_a_clock_change_repeats_is_two_hours() -> None:
    first = image(1, datetime(2026, 10, 25, 0, 30, tzinfo=UTC))  # 02:30 in summer time
    second = image(2, datetime(2026, 10, 25, 1, 30, tzinfo=UTC))  # 02:30 again
    assert set(kept(decide(Policy(hourly=2, time_zone="Europe/Berlin"), [first, second]))) == {1, 2}


def test_a_week_is_the_iso_week_also_over_new_year() -> None:
    monday = image(1, datetime(2025, 12, 29, tzinfo=UTC))  # both in week 1 of 2026
    sunday = image(2, datetime(2026, 1, 4, tzinfo=UTC))
    assert set(kept(decide(Policy(weekly=5), [monday, sunday]))) == {2}


def test_within_counts_from_the_newest_verified_image_not_from_now() -> None:
    old = [image(n, datetime(2001, 1, 1 + n, tzinfo=UTC)) for n in range(4)]
    assert set(kept(decide(Policy(within_days=2), old))) == {1, 2, 3}


# ---- verified only -----------------------------------------------------------------------------------------


def test_an_unverified_image_never_takes_the_place_of_a_verified_one() -> None:
    images = [*daily(2), image(9, START + timedelta(days=5), verified=False)]
    plan = decide(Policy(keep_last=1), images)
    assert kept(plan) == {9: {"not-verified-yet"}, 1: {"last", "newest-verified"}}


def test_where_nothing_is_verified_nothing_expires() -> None:
    images = [image(n, START + timedelta(days=n), verified=False) for n in range(4)]
    assert decide(Policy(keep_last=1), images).expired == ()


def test_what_is_held_stays_whatever_the_policy_says() -> None:
    held = image(7, START - timedelta(days=900), verified=False, holds=("protected",))
    assert kept(decide(Policy(keep_last=1), [*daily(3), held]))[7] == {"protected"}


def test_no_images_are_no_error() -> None:
    assert decide(Policy(keep_last=1), []) == Plan((), ())


# ---- against an oracle -------------------------------------------------------------------------------------

ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]
moments = st.datetimes(
    min_value=datetime(2023, 1, 1), max_value=datetime(2026, 12, 31), timezones=st.just(UTC)
)
few = st.integers(0, 4)
policies = st.builds(Policy, few, few, few, few, few, few, st.integers(0, 40), st.sampled_from(ZONES)).filter(
    lambda p: any((p.keep_last, p.hourly, p.daily, p.weekly, p.monthly, p.yearly, p.within_days))
)
sets = st.lists(
    st.tuples(moments, st.booleans(), st.sampled_from([(), (), (), ("protected",)])), max_size=25
).map(lambda rows: [image(n, at, verified=ok, holds=holds) for n, (at, ok, holds) in enumerate(rows)])


def oracle(policy: Policy, images: list[Facts]) -> set[int]:
    """Written from the words of the policy, image by image, without sorting or early ends."""
    zone = ZoneInfo(policy.time_zone)
    formats = {
        "hourly": "%Y-%m-%d %H %z",
        "daily": "%Y-%m-%d",
        "weekly": "%G-%V",
        "monthly": "%Y-%m",
        "yearly": "%Y",
    }

    def newer(one: Facts, than: Facts) -> bool:
        return (one.made_at, one.sequence, one.id.int) > (than.made_at, than.sequence, than.id.int)

    verified = [item for item in images if item.verified]

    def stays(item: Facts) -> bool:
        if item.holds or not any(not newer(item, other) for other in verified):
            return True
        if not item.verified:
            return False
        newer_ones = [other for other in verified if newer(other, item)]
        if not newer_ones or len(newer_ones) < policy.keep_last:
            return True
        newest = max(verified, key=lambda other: (other.made_at, other.sequence, other.id.int))
        if policy.within_days and newest.made_at - item.made_at <= timedelta(days=policy.within_days):
            return True
        for rule, form in formats.items():
            mine = item.made_at.astimezone(zone).strftime(form)
            periods = {other.made_at.astimezone(zone).strftime(form) for other in newer_ones}
            if mine not in periods and len(periods) < getattr(policy, rule):
                return True
        return False

    return {item.id.int for item in images if stays(item)}


@settings(max_examples=150, deadline=None)
@given(policies, sets)
def test_the_plan_is_what_the_words_of_the_policy_say(policy: Policy, images: list[Facts]) -> None:
    plan = decide(policy, images)
    assert set(kept(plan)) == oracle(policy, images)
    assert {gone.id.int for gone in plan.expired} == {i.id.int for i in images} - oracle(policy, images)


@settings(max_examples=60, deadline=None)
@given(policies, sets)
def test_the_newest_verified_image_never_expires_and_every_kept_one_has_a_reason(
    policy: Policy, images: list[Facts]
) -> None:
    plan = decide(policy, images)
    newest = max(
        (i for i in images if i.verified), key=lambda i: (i.made_at, i.sequence, i.id.int), default=None
    )
    assert newest not in plan.expired
    assert all(item.reasons for item in plan.kept)


@settings(max_examples=60, deadline=None)
@given(policies, sets)
def test_deciding_again_on_what_is_left_expires_nothing_more(policy: Policy, images: list[Facts]) -> None:
    left = {item.image for item in decide(policy, images).kept}
    assert decide(policy, [item for item in images if item.id in left]).expired == ()
