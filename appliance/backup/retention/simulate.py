"""What a policy would keep in the months to come: the images there are, and those a schedule would make.

Runs the same `decide` once for every day, on what the day before left, so that it shows what pruning would
really do and not what a look at the end suggests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID, uuid5

from appliance.backup.errors import BadRetentionRule
from appliance.backup.retention.policy import Facts, Plan, Policy, decide, zone_of

MOST_MONTHS: Final = 24
DAYS_IN_MONTH: Final = 31  # months are counted generously: the page draws whole ones
MOST_A_DAY: Final = 24
_PROJECTED: Final = UUID("5b0f3f4e-5a1c-4f5e-9f53-3c7d3a6e8a10")  # namespace of images not made yet


@dataclass(frozen=True, slots=True)
class Day:
    """One day by the policy's clock: how many images it makes, how many are kept at its end in all, and how
    many of those made on it are still there when the months are over (what a calendar draws)."""

    date: date
    made: int
    kept: int
    remaining: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """`now` is what the policy says of the images there are; `leaving` when each of them would expire."""

    now: Plan
    days: tuple[Day, ...]
    leaving: dict[UUID, date]


def occurrences(
    start: datetime, until: datetime, *, zone: str, every_hours: int | None = None, at: time | None = None
) -> Iterator[datetime]:
    """Times of a simple schedule after `start`: every so many hours, or daily by the zone's clock."""
    if every_hours is not None:
        if not 1 <= every_hours <= 24 * 31:
            raise BadRetentionRule(rule="every_hours", least=1, most=24 * 31)
        step, turn = timedelta(hours=every_hours), start + timedelta(hours=every_hours)
        while turn <= until:
            yield turn
            turn += step
        return
    local, clock = zone_of(zone), at or time(2, 30)
    day = start.astimezone(local).date()
    while True:
        # through UTC: a time that a clock change leaves out becomes the one after it
        turn = datetime.combine(day, clock, tzinfo=local).astimezone(UTC)
        if turn > until:
            return
        if turn > start:
            yield turn
        day += timedelta(days=1)


def simulate(
    policy: Policy, images: Iterable[Facts], *, runs: Iterable[datetime], now: datetime, months: int
) -> Simulation:
    """Day by day from today for so many months. Projected images are taken as verified."""
    policy.check()
    if not 1 <= months <= MOST_MONTHS:
        raise BadRetentionRule(rule="months", least=1, most=MOST_MONTHS)
    zone = zone_of(policy.time_zone)
    there = list(images)
    first, known = now.astimezone(zone).date(), {image.id for image in there}
    today = decide(policy, there)
    leaving = {image.id: first for image in today.expired}
    dates = [first + timedelta(days=n) for n in range(months * DAYS_IN_MONTH)]
    made: dict[date, list[Facts]] = {}
    for number, turn in enumerate(runs):
        # By its number too: two schedules that are due in the same minute make two images.
        image = Facts(uuid5(_PROJECTED, f"{number} {turn.astimezone(UTC).isoformat()}"), turn, verified=True)
        made.setdefault(turn.astimezone(zone).date(), []).append(image)
    counts: dict[date, int] = {}
    plan = today
    for day in dates:
        for image in made.get(day, []):
            there.append(image)
        plan = decide(policy, _only_newest_holds_its_chain(there, known))
        for gone in plan.expired:
            if gone.id in known:
                leaving.setdefault(gone.id, day)
        left = {kept.image for kept in plan.kept}
        there = [image for image in there if image.id in left]
        counts[day] = len(there)
    by_day: dict[date, list[tuple[str, ...]]] = {}
    for kept in plan.kept:
        by_day.setdefault(kept.made_at.astimezone(zone).date(), []).append(kept.reasons)
    past = sorted(day for day in by_day if day < first)
    days = tuple(
        Day(
            date=day,
            made=len(made.get(day, [])),
            kept=counts.get(day, 0),
            remaining=len(by_day.get(day, [])),
            reasons=tuple(sorted({reason for reasons in by_day.get(day, []) for reason in reasons})),
        )
        for day in [*past, *dates]
    )
    return Simulation(today, days, leaving)


def _only_newest_holds_its_chain(there: list[Facts], known: set[UUID]) -> list[Facts]:
    """Once a projected image exists, it heads this unit's chain, and the one that did no longer holds."""
    if all(image.id in known for image in there):
        return there
    return [replace(image, holds=tuple(hold for hold in image.holds if hold != "newest")) for image in there]
