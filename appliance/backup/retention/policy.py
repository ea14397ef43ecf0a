"""What a retention policy keeps: a pure function of the policy and of facts about the images.

Rules count **verified images only**: one that was never opened whole, or that is damaged, never takes the
place of a good one. An unverified image newer than the newest verified one stays (its verification may be
on its way); an older one fills no place and may go. Where nothing is verified, nothing expires.

`hourly` to `yearly` keep the newest verified image of each of the last N hours (days, ISO weeks, months,
years) *that have one*, by the wall clock of the policy's time zone; a unit that was off loses nothing by
it. The hour that a clock change repeats is two hours. `within_days` counts back from the newest verified
image, not from now, for the same reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from appliance.backup.errors import BadRetentionRule, KeepsNothing

MOST: Final = 10_000  # of any rule: more says "keep everything", which needs no policy
Reason = str  # "last", "hourly", …, "protected", "newest-verified", …: stable words, translated by pages

RULES: Final = ("keep_last", "hourly", "daily", "weekly", "monthly", "yearly", "within_days")


@dataclass(frozen=True, slots=True)
class Policy:
    """How many to keep of what; zero means that the rule is not used."""

    keep_last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within_days: int = 0
    time_zone: str = "UTC"

    def check(self) -> Policy:
        """Itself, or the refusal of what cannot be meant."""
        for rule in RULES:
            value = getattr(self, rule)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
                raise BadRetentionRule(rule=rule, most=MOST)
        zone_of(self.time_zone)
        if not any(getattr(self, rule) for rule in RULES):
            raise KeepsNothing()
        return self

    def as_dict(self) -> dict[str, int | str]:
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Facts:
    """What retention asks of an image. `holds` are reasons that stand outside of any policy: the image is
    protected, heads its chain, is another unit's."""

    id: UUID
    made_at: datetime
    verified: bool
    holds: tuple[Reason, ...] = ()
    sequence: int = 0  # in its chain: headers date to the second, and two images fit into one

    @property
    def age_key(self) -> tuple[datetime, int, int]:
        """Sorts from oldest to newest; the id only so that equal dates of two chains have one order."""
        return self.made_at.astimezone(UTC), self.sequence, self.id.int


@dataclass(frozen=True, slots=True)
class Kept:
    """An image that stays, with every reason."""

    image: UUID
    made_at: datetime
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Every image once, newest first in both."""

    kept: tuple[Kept, ...]
    expired: tuple[Facts, ...]


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name; refused if the unit knows none."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise BadRetentionRule(rule="time_zone", value=name[:64]) from error
    except KeyError as error:
        raise BadRetentionRule(rule="time_zone", value=name[:64]) from error


def _hour(at: datetime) -> Hashable:
    return at.year, at.month, at.day, at.hour, at.utcoffset()


def _day(at: datetime) -> Hashable:
    return at.date()


def _week(at: datetime) -> Hashable:
    return at.isocalendar()[:2]


def _month(at: datetime) -> Hashable:
    return at.year, at.month


def _year(at: datetime) -> Hashable:
    return at.year


_PERIODS: Final[tuple[tuple[str, Callable[[datetime], Hashable]], ...]] = (
    ("hourly", _hour),
    ("daily", _day),
    ("weekly", _week),
    ("monthly", _month),
    ("yearly", _year),
)


def decide(policy: Policy, images: Iterable[Facts]) -> Plan:
    """What stays, with every reason, and what expires."""
    policy.check()
    ordered = sorted(images, key=lambda image: image.age_key, reverse=True)
    verified = [image for image in ordered if image.verified]
    reasons: dict[UUID, list[Reason]] = {image.id: list(image.holds) for image in ordered}
    if verified:
        _by_rules(policy, verified, reasons)
    for image in ordered:
        if verified and image.id == verified[0].id:
            break
        reasons[image.id].append("not-verified-yet")
    return Plan(
        kept=tuple(
            Kept(image.id, image.made_at, tuple(reasons[image.id])) for image in ordered if reasons[image.id]
        ),
        expired=tuple(image for image in ordered if not reasons[image.id]),
    )


def _by_rules(policy: Policy, verified: list[Facts], reasons: dict[UUID, list[Reason]]) -> None:
    """Mark what the rules keep among verified images, newest first."""
    newest, zone = verified[0], zone_of(policy.time_zone)
    reasons[newest.id].append(
        "newest-verified"
    )  # whatever the rules say, the last good one is never given up
    for image in verified[: policy.keep_last]:
        reasons[image.id].append("last")
    local = [(image, image.made_at.astimezone(zone)) for image in verified]
    for rule, period_of in _PERIODS:
        wanted, seen = getattr(policy, rule), set[Hashable]()
        for image, at in local:
            if len(seen) == wanted:
                break
            period = period_of(at)
            if period not in seen:
                seen.add(period)
                reasons[image.id].append(rule)
    if policy.within_days:
        oldest = newest.made_at - timedelta(days=policy.within_days)
        for image in verified:
            if image.made_at >= oldest:
                reasons[image.id].append("within")
