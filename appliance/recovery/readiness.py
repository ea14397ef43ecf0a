"""The survival readout: can this unit be lost today?

Every link of the chain that would bring it back is looked at by itself, dated, and, where it does not hold,
carries the one action that mends it. The answer is that of the weakest link; what cannot be known is said
to be unknown, never taken for good. Reads rows only: it says what was last *seen*, and when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from django.db.models import QuerySet
from django.utils import timezone

from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.selectors import in_states
from appliance.catalog.models import VirtualImage
from appliance.keys.models import KeyEpoch, LodgedValue
from appliance.keys.selectors import active_epoch, values_of
from appliance.unit.models import Unit
from appliance.unit.selectors import unit_or_none
from sealing.jose import peek

State = Literal["green", "amber", "red"]
Answer = Literal["yes", "unsure", "no"]

IMAGE_OLD = timedelta(days=2)  # an image older than this is amber …
IMAGE_STALE = timedelta(days=8)  # … and than this red
VERIFY_OLD = timedelta(days=30)  # since every chunk was opened
DRILL_OLD = timedelta(days=180)
SEEN_OLD = timedelta(days=7)  # since desk or target last answered


@dataclass(frozen=True, slots=True)
class Link:
    """One link. `at` dates what it says; `url` is its REST address; `action` mends it, empty when green."""

    name: str
    title: str
    state: State
    summary: str
    at: datetime | None
    url: str
    action: str = ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer, since when data would be lost, and the chain."""

    answer: Answer
    data_at_risk_since: datetime | None
    changed_objects: int
    as_of: datetime
    links: tuple[Link, ...]

    @property
    def first_action(self) -> str:
        """What to do first."""
        by_state = sorted(self.links, key=lambda link: ("red", "amber", "green").index(link.state))
        return by_state[0].action if by_state else ""


@dataclass(slots=True)
class _Facts:
    """What all links are decided by, read once."""

    now: datetime
    unit: Unit | None
    targets: list[BackupTarget]
    verified: BackupImage | None
    newest: BackupImage | None
    epoch: KeyEpoch | None
    values: list[LodgedValue]

    def age(self, at: datetime | None) -> timedelta | None:
        return None if at is None else self.now - at


def readiness(now: datetime | None = None) -> Readiness:
    """Look at the chain as the rows have it."""
    facts = _gather(now or timezone.now())
    links = tuple(look(facts) for look in _LINKS)
    states = {link.state for link in links}
    answer: Answer = "no" if "red" in states else "unsure" if "amber" in states else "yes"
    since, changed = _at_risk(facts)
    return Readiness(answer, since, changed, facts.now, links)


def _gather(now: datetime) -> _Facts:
    unit, epoch = unit_or_none(), active_epoch()
    # Only images on targets that are there and not rolled back under our feet count as ways back.
    usable: QuerySet[BackupImage] = BackupImage.objects.select_related("target").exclude(made_at=None)
    if unit is not None and unit.customer_id is not None:
        usable = usable.filter(customer_id=unit.customer_id)
    verified = usable.filter(state=BackupImage.State.VERIFIED, own=True).order_by("-made_at").first()
    newest = in_states(usable.filter(own=True), BackupImage.USABLE).order_by("-made_at").first()
    return _Facts(
        now,
        unit,
        list(BackupTarget.objects.order_by("name")),
        verified,
        newest,
        epoch,
        list(values_of(epoch)) if epoch is not None else [],
    )


def _key(facts: _Facts) -> Link:
    make, url = "Rotate the key.", "/api/v1/keys"
    state = facts.unit.state if facts.unit is not None else "not initialised"
    if state in (Unit.State.MUST_ROTATE, Unit.State.KEYED, Unit.State.RESTORING):
        words = "The unit was restored; its imported keys open and never seal. Nothing new is protected."
        since = facts.unit.state_changed_at if facts.unit is not None else None
        return Link("epoch", "Key of its own", "red", words, since, url, make)
    if facts.epoch is None:
        return Link(
            "epoch", "Key of its own", "red", "No key is active: no backup can be made.", None, url, make
        )
    since = facts.epoch.activated_at
    return Link("epoch", "Key of its own", "green", f"Epoch {facts.epoch.epoch} is active.", since, url)


def _image(facts: _Facts) -> Link:
    title, url = "Newest verified image", "/api/v1/backup-images"
    if facts.verified is None:
        if facts.newest is None:
            return Link("image", title, "red", "There is no image.", None, url, "Make a backup.")
        words = "There is an image, but none was opened and checked in full."
        return Link("image", title, "red", words, facts.newest.made_at, url, "Verify the newest image.")
    image = facts.verified
    url, made, checked = f"{url}/{image.pk}", image.made_at, image.verified_at
    words = f"Image {image.sequence} on {image.target.name}, epoch {image.epoch}, every chunk opened."
    age, since_check = facts.age(made), facts.age(checked)
    if age is None or age > IMAGE_STALE:
        return Link("image", title, "red", words + " It is old.", made, url, "Make a backup.")
    if facts.newest is not None and facts.newest.state == BackupImage.State.DAMAGED and facts.newest != image:
        return Link("image", title, "amber", "A newer image is damaged.", made, url, "Make a new backup.")
    if age > IMAGE_OLD:
        return Link("image", title, "amber", words + " It is some days old.", made, url, "Make a backup.")
    if since_check is None or since_check > VERIFY_OLD:
        return Link("image", title, "amber", words + " That was long ago.", checked, url, "Verify it again.")
    return Link("image", title, "green", words, made, url)


def _image_epoch(facts: _Facts) -> Link:
    """Does the key in use protect anything yet? R7: the first image under a new key."""
    title, url = "Image under the active key", "/api/v1/backup-images"
    if facts.epoch is None or facts.verified is None:
        return Link("key", title, "red", "There is none.", None, url, "Make a backup and verify it.")
    mine = BackupImage.objects.filter(own=True, key_id=facts.epoch.key_id)
    image = in_states(mine, [BackupImage.State.VERIFIED]).order_by("-made_at").first()
    if image is None:
        words = (
            f"No verified image carries the value of epoch {facts.epoch.epoch} yet; older values still count."
        )
        return Link(
            "key", title, "amber", words, facts.epoch.activated_at, url, "Make a backup and verify it."
        )
    words = f"Image {image.sequence} carries the value of epoch {image.epoch}."
    return Link("key", title, "green", words, image.made_at, f"{url}/{image.pk}")


def _value(facts: _Facts) -> Link:
    title, url = "Value on file", "/api/v1/keys"
    if facts.epoch is None or not facts.values:
        return Link(
            "value", title, "red", "There is no value of an active key.", None, url, "Rotate the key."
        )
    lodged = [value for value in facts.values if value.receipt]
    if lodged:
        at = max((value.lodged_at for value in lodged if value.lodged_at), default=None)
        return Link("value", title, "green", "Lodged at the desk, against its signed receipt.", at, url)
    if facts.epoch.downloaded:
        at = max((value.downloaded_at for value in facts.values if value.downloaded_at), default=None)
        words = "Downloaded and shown to be held; not lodged at the desk."
        return Link("value", title, "amber", words, at, url, "Lodge the value when the desk answers.")
    return Link("value", title, "red", "Neither lodged nor downloaded.", None, url, "Lodge the value.")


def _drill(facts: _Facts) -> Link:
    title, url, action = "Drill", "/api/v1/keys", "Drill the value."
    if facts.epoch is None or not facts.epoch.is_proven:
        return Link("drill", title, "red", "Nobody has shown that the value opens.", None, url, action)
    at, age = facts.epoch.proof_at, facts.age(facts.epoch.proof_at)
    if facts.epoch.proof_how == "waived":
        return Link("drill", title, "amber", "Waived, not proven.", at, url, action)
    if age is None or age > DRILL_OLD:
        return Link("drill", title, "amber", "Proven, but long ago.", at, url, action)
    return Link("drill", title, "green", "The authority has shown that it can open the value.", at, url)


def _authority(facts: _Facts) -> Link:
    """Is the private key behind the value still one that the authority stands by?"""
    title, url = "Authority key", "/api/v1/unit"
    unit = facts.unit
    if unit is None or not facts.values:
        return Link("authority-key", title, "red", "Nothing is sealed to any.", None, url, "Rotate the key.")
    entries = {entry["kid"]: entry for entry in peek(unit.authority_list).claims.get("entries", [])}
    at = unit.authority_list_seen_at
    states = {str(entries.get(v.authority_key_id, {}).get("state", "unknown")) for v in facts.values}
    if "active" in states:
        age = facts.age(at)
        words = f"In force by list {unit.authority_list_version}."
        if age is None or age > SEEN_OLD:
            return Link(
                "authority-key", title, "amber", words + " Not asked lately.", at, url, "Fetch the list."
            )
        return Link("authority-key", title, "green", words, at, url)
    if "retired" in states:
        words = "The authority has retired the key; it opens still, and nothing new is sealed to it."
        return Link(
            "authority-key", title, "amber", words, at, url, "Rotate the key, to seal to the new one."
        )
    words = "The key that the value is sealed to was revoked or is not in the list."
    return Link("authority-key", title, "red", words, at, url, "Rotate the key.")


def _desk(facts: _Facts) -> Link:
    title, url, unit = "Desk", "/api/v1/unit", facts.unit
    if unit is None or not unit.desk_url:
        words = "No desk is set; values and requests travel by file."
        return Link("desk", title, "amber", words, None, url, "Set the desk's address.")
    age = facts.age(unit.desk_reached_at)
    if age is None:
        return Link("desk", title, "amber", "Never reached.", None, url, "Fetch the authority list.")
    if age > SEEN_OLD:
        words, at = "It has not answered lately.", unit.desk_reached_at
        return Link("desk", title, "amber", words, at, url, "Fetch the authority list.")
    return Link("desk", title, "green", "It answers.", unit.desk_reached_at, url)


def _target(facts: _Facts) -> Link:
    title, url = "Target", "/api/v1/backup-targets"
    if not facts.targets:
        return Link("target", title, "red", "No backup target is set.", None, url, "Add a target.")
    holding = facts.verified.target if facts.verified is not None else facts.targets[0]
    url = f"{url}/{holding.pk}"
    if holding.state != BackupTarget.State.READY:
        why = (holding.problem or {}).get("title", "It was not connected yet.")
        return Link("target", title, "red", why, holding.checked_at, url, "Connect the target.")
    if holding.freshness == "rolled-back":
        words = f"{holding.name} lacks images that are known to exist."
        return Link("target", title, "red", words, holding.checked_at, url, "Look at the target's findings.")
    if holding.findings:
        words = f"{len(holding.findings)} things on {holding.name} are not as they should be."
        return Link(
            "target", title, "amber", words, holding.checked_at, url, "Look at the target's findings."
        )
    age = facts.age(holding.checked_at)
    if age is None or age > SEEN_OLD:
        words = f"{holding.name} was not seen lately."
        return Link("target", title, "amber", words, holding.checked_at, url, "Connect the target.")
    return Link("target", title, "green", f"{holding.name} is there.", holding.checked_at, url)


_LINKS: tuple[Callable[[_Facts], Link], ...] = (
    _image,
    _image_epoch,
    _key,
    _value,
    _drill,
    _authority,
    _desk,
    _target,
)


def _begun_at(image: BackupImage) -> datetime | None:
    """What changed after this moment need not be in the image: packs go out long after the database was read.

    The header says it in whole seconds; the row of a backup that was made here is of the same second and says
    it exactly, one that was made from a header on a target is younger.
    """
    started = peek(image.header).claims.get("started_at") if image.header else None
    if not isinstance(started, int):
        return image.made_at
    begun = datetime.fromtimestamp(started, UTC)
    return image.created_at if begun <= image.created_at < begun + timedelta(seconds=1) else begun


def _at_risk(facts: _Facts) -> tuple[datetime | None, int]:
    """The moment from which on changes would be lost, and how many virtual images changed since.

    That is when the newest verified image was begun; without one, everything is at risk from the start.
    """
    since = _begun_at(facts.verified) if facts.verified is not None else None
    rows = VirtualImage.objects.all()
    if since is None:
        oldest = rows.order_by("created_at").values_list("created_at", flat=True).first()
        born = facts.unit.created_at if facts.unit is not None else None
        return oldest or born, rows.count()
    changed = rows.filter(state_changed_at__gt=since)
    return since, changed.count()
