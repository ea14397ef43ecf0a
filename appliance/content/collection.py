"""What a collection goes by; the web tier offers it and the worker keeps to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from ground.refusals import Invalid

KIND: Final = "content.collect"
MIB: Final = 1024 * 1024
GRACE_DAYS: Final = 7  # as on targets; and longer than any restore, reader or stalled job takes
LEAST_GRACE_DAYS: Final = 1
MOST_GRACE_DAYS: Final = 365
QUOTA_PERCENT: Final = 50  # of what is stored, removed in one run
REPACK_PERCENT: Final = 50  # packs of whose chunks less than half is needed are sealed anew
REWRITE_MIB: Final = 2048  # sealed anew in one run: each target is sent so much by its next backup
MOST_REWRITE_MIB: Final = 1024 * 1024

# auto: where every target lets older packs go by a policy; elsewhere it would hold old and new for ever
Repack = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The choices of one collection, checked; `Invalid` names what is wrong."""

    dry_run: bool = False
    grace_days: int = GRACE_DAYS
    repack: Repack = "auto"
    rewrite_mib: int = REWRITE_MIB

    def __post_init__(self) -> None:
        wrong: dict[str, list[str]] = {}
        if not LEAST_GRACE_DAYS <= self.grace_days <= MOST_GRACE_DAYS:
            wrong["grace_days"] = [f"{LEAST_GRACE_DAYS} to {MOST_GRACE_DAYS}"]
        if self.repack not in get_args(Repack):
            wrong["repack"] = [f"one of {', '.join(get_args(Repack))}"]
        if not 1 <= self.rewrite_mib <= MOST_REWRITE_MIB:
            wrong["rewrite_mib"] = [f"1 to {MOST_REWRITE_MIB}"]
        if wrong:
            raise Invalid(fields=wrong)

    def as_params(self) -> dict[str, Any]:
        """As a job's row keeps them."""
        return {
            "dry_run": self.dry_run,
            "grace_days": self.grace_days,
            "repack": self.repack,
            "rewrite_mib": self.rewrite_mib,
        }
