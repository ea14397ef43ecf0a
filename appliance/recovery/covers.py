"""What the coverage map says, as plain rows (`appliance.recovery.coverage` makes them)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Light = Literal["green", "amber", "red"]
OnFile = Literal["lodged", "downloaded", "header"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A light with the reason for it and the one thing that mends it (empty when green)."""

    light: Light
    why: str
    action: str = ""


@dataclass(frozen=True, slots=True)
class ValueCover:
    """One value, and how far it can be relied on."""

    digest: str
    authority: str  # authority key id
    authority_state: str  # active | retired | revoked | unknown
    on_file: tuple[OnFile, ...]
    lodged_at: dt.datetime | None
    downloaded_at: dt.datetime | None
    light: Light
    why: str


@dataclass(frozen=True, slots=True)
class ImageCover:
    """One image explained."""

    image: uuid.UUID
    target: uuid.UUID
    target_name: str
    serial: str
    sequence: int
    state: str
    made_at: dt.datetime | None
    verified_at: dt.datetime | None
    epoch: int
    key_id: str
    proven: str  # drilled | waived
    proven_at: dt.datetime | None
    opens_here: bool
    values: tuple[ValueCover, ...]
    light: Light
    why: str
    action: str
    url: str


@dataclass(frozen=True, slots=True)
class EpochCover:
    """One key, and every image that needs it."""

    key_id: str
    epoch: int
    kind: str
    origin: str  # generated | imported | "" where the key never was here
    state: str  # of the key on this unit; "" where it never was here
    here: bool
    serial: str
    needed: bool
    images: int
    verified: int
    unverified: int
    damaged: int
    expired: int
    newest_at: dt.datetime | None
    by_target: Mapping[str, int]
    proven: str
    proven_at: dt.datetime | None
    values: tuple[ValueCover, ...]
    light: Light
    why: str
    action: str
    url: str


@dataclass(frozen=True, slots=True)
class TargetCover:
    """One target, and how its images stand."""

    target: uuid.UUID
    name: str
    state: str
    freshness: str
    checked_at: dt.datetime | None
    images: int
    damaged: int
    newest_at: dt.datetime | None
    light: Light
    why: str
    action: str
    url: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """The whole map: the worst light of all, and the first thing to do."""

    light: Light
    action: str
    images: int
    as_of: dt.datetime
    epochs: tuple[EpochCover, ...]
    targets: tuple[TargetCover, ...]
