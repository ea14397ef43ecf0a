"""`check_world()`: the invariants that hold after every fault and every recovery (docs/threat-model.md).

Run in a process of the unit's own site, its key process up; `python -m tests.support.world` does it for
the site of the environment and prints JSON. Whoever holds the escrow key in a test hands in `open_value`:
each image is then also opened with the value in its own header, as the desk would.

The oracle is itself tested: `tests/appliance/recovery/test_world.py` plants each kind of damage.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import Count

from appliance.backup.engine import house
from appliance.backup.engine.repository import chain_name, headers_on
from appliance.backup.engine.survey import survey
from appliance.backup.engine.verify import check_content, open_image, place_of, read_header
from appliance.backup.models import BackupImage, BackupTarget
from appliance.catalog.models import VirtualImage
from appliance.content.engine import opening
from appliance.keys.client import KeyProcess, Status
from appliance.recovery.models import Restore, TransferCase
from appliance.unit.models import Unit
from appliance.unit.selectors import unit_or_none
from audit.log import verify_chain
from audit.models import Event
from config.site import site
from ground.db import generations
from ground.refusals import Refusal
from jobs.models import Job
from sealing.backupkey import BackupKey
from sealing.content import manifest as manifests
from sealing.content.header import ImageHeader
from sealing.content.keys import SealingKey
from sealing.errors import SealingError
from sealing.secret import Key256

OpenValue = Callable[[str], BackupKey]


@dataclasses.dataclass(frozen=True)
class Violation:
    """One invariant that does not hold, and where."""

    invariant: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}"


class WorldBroken(AssertionError):
    """At least one invariant does not hold."""


def check_world(
    *, open_value: OpenValue | None = None, scan: bool = True, skip: tuple[str, ...] = ()
) -> None:
    """Raise `WorldBroken` with every violation; `skip` names invariants that a test has broken itself."""
    found = [v for v in violations(open_value=open_value, scan=scan) if v.invariant not in skip]
    if found:
        raise WorldBroken("\n".join(map(str, found)))


def violations(*, open_value: OpenValue | None = None, scan: bool = True) -> Iterator[Violation]:
    """Every violation there is now."""
    keys = house.key_process()
    status = keys.status()
    for check in (_images_restore, _uncommitted, _content, _one_key, _keys_kept, _transfers, _audit):
        yield from check(keys, status)
    if open_value is not None:
        yield from _values_open(keys, status, open_value)
    if scan:
        yield from _no_key_bytes(keys)
    for check_rows in (_no_false_success, _needs_no_human, _nothing_backwards, _words_for_people):
        yield from check_rows()


def _usable() -> Iterable[BackupImage]:
    """Images this world says are good."""
    good = [BackupImage.State.COMMITTED, BackupImage.State.VERIFIED]
    return BackupImage.objects.select_related("target").filter(state__in=good)


def _images_restore(keys: KeyProcess, status: Status) -> Iterator[Violation]:
    """I1 and I3: every committed image opens chunk by chunk with a key of this unit."""
    trust = house.trust_of(status)
    for image in _usable():
        if status.epoch(image.key_id) is None:
            continue  # not ours to open: a value for it has not come by transfer
        try:
            target, _ = house.open_checked(image.target, customer=None, write=False)
            signed = read_header(place_of(image), target, trust)
            image_keys = house.image_keys(keys, signed.header)
            opened = open_image(place_of(image), signed, target, house.manifest_key(image_keys))
            check_content(opened, house.held_by_image(image_keys), target, _silent, _go_on)
        except Refusal as refusal:
            yield Violation("I1", f"image {image.sequence} of {image.serial}: {refusal}")


def _values_open(keys: KeyProcess, status: Status, open_value: OpenValue) -> Iterator[Violation]:
    """I1, the other way: the value in the image's own header gives its keys."""
    trust = house.trust_of(status)
    for image in _usable():
        try:
            target, _ = house.open_checked(image.target, customer=None, write=False)
            signed = read_header(place_of(image), target, trust)
            sealed = target.get_bytes(place_of(image).manifest, limit=1 << 26)
            for value in signed.header.values:
                manifests.open_manifest(sealed, image_key_of(signed.header, open_value(value)))
        except (Refusal, SealingError) as error:
            yield Violation("I1", f"image {image.sequence} does not open with its own value: {error}")


def image_key_of(header: ImageHeader, key: BackupKey) -> SealingKey:
    """The image's own key, by the backup key in memory: what a keyed unit's key process does."""
    wrapped = header.wrapped["image_key"]
    opened = key.unwrap_data_key(f"image-key.{wrapped['id']}", wrapped["wrapped"])
    return SealingKey(wrapped["id"], Key256(opened.reveal()))


def _uncommitted(keys: KeyProcess, status: Status) -> Iterator[Violation]:
    """I2: what has no header is not listed as good; what has one is."""
    trust, own = house.trust_of(status), chain_name(status.certificate_thumbprint)
    for row in BackupTarget.objects.filter(state=BackupTarget.State.READY):
        try:
            target, marker = house.open_checked(row, customer=None, write=False)
        except Refusal as refusal:
            yield Violation("I3", f"target {row.name}: {refusal}")
            continue
        there = {place.image for place, _, _ in headers_on(target)}
        listed = {image.pk for image in _usable() if image.target_id == row.pk}
        for missing in sorted(listed - there):
            yield Violation("I2", f"image {missing} is listed as good and has no header on {row.name}")
        with transaction.atomic():  # looked at and put back: an oracle mends nothing
            judgement = survey(row, target, marker, trust=trust, own_chain=own)
            transaction.set_rollback(True)
        for finding in judgement.findings:
            yield Violation("I3", f"{row.name}: {finding.name}: {finding.refusal.code}")


def _content(keys: KeyProcess, status: Status) -> Iterator[Violation]:
    """I3: everything in the catalogue is present and authentic."""
    rows = list(VirtualImage.objects.filter(state=VirtualImage.State.READY))
    if not rows:
        return
    with opening.open_store(writing=False) as store:
        for row in rows:
            found = hashlib.sha256()
            try:
                for piece in store.iter_read(row.recipe):
                    found.update(piece)
            except Refusal as refusal:
                yield Violation("I3", f"{row.name}: {refusal}")
                continue
            if row.sha256 and found.hexdigest() != row.sha256:
                yield Violation("I3", f"{row.name} reads back differently")


def _one_key(keys: KeyProcess, status: Status) -> Iterator[Violation]:
    """I4: one active key at most, made here, durable and proven or waived."""
    active = [epoch for epoch in status.epochs if epoch.state == "active"]
    if len(active) > 1:
        yield Violation("I4", f"{len(active)} keys are active")
    for epoch in active:
        if epoch.origin != "generated":
            yield Violation("I4", f"the active key of epoch {epoch.epoch} was {epoch.origin}")
        if not epoch.durable or epoch.proof is None:
            yield Violation("I4", f"the active key of epoch {epoch.epoch} is not durable and proven")


def _keys_kept(keys: KeyProcess, status: Status) -> Iterator[Violation]:
    """I5: no key that a retained image needs is destroyed."""
    destroyed = {epoch.key_id for epoch in status.epochs if epoch.state == "destroyed"}
    for image in _usable():
        if image.key_id in destroyed:
            yield Violation("I5", f"image {image.sequence} of {image.serial} needs a destroyed key")


def _transfers(keys: KeyProcess, status: Status) -> Iterator[Violation]:
    """I6: one ticket gives at most one installation."""
    done = [TransferCase.State.INSTALLED, TransferCase.State.REPORTED]
    tickets = TransferCase.objects.filter(state__in=done).order_by().values("ticket").annotate(n=Count("pk"))
    for row in tickets.filter(n__gt=1):
        yield Violation("I6", f"ticket {row['ticket']} was installed {row['n']} times")


def _audit(keys: KeyProcess, status: Status) -> Iterator[Violation]:
    """I7: the chain verifies, and what moved a secret stands in it."""
    verdict = verify_chain()
    for fault in verdict.faults:
        yield Violation("I7", f"event {fault.sequence}: {fault.reason}")
    for case in TransferCase.objects.exclude(installed_at=None):
        subject = f"transfer:{case.pk}"
        if not Event.objects.filter(action="recovery.install", subject=subject).exists():
            yield Violation("I7", f"{subject} was installed without an event before it")


def _no_key_bytes(keys: KeyProcess) -> Iterator[Violation]:
    """I8: no key byte outside custody's memory: the key process looks for its own secrets."""
    places = [site().db, site().store, site().spool, site().log, site().run]
    places += [row.settings["path"] for row in BackupTarget.objects.filter(kind="directory")]
    result = keys.scan([str(place) for place in places])
    if result.canary_hits:
        yield Violation("I8", f"key bytes were found: {dict(result.hits)}")


def _no_false_success() -> Iterator[Violation]:
    """I9: what was answered done is there."""
    for job in Job.objects.filter(kind="backup.run", state=Job.State.DONE):
        image = BackupImage.objects.filter(pk=uuid.UUID(job.result["image"])).first()
        if image is not None and image.state in (BackupImage.State.WRITING, BackupImage.State.ABANDONED):
            yield Violation("I9", f"job {job.pk} says done, its image is {image.state}")
        if image is None:
            yield Violation("I9", f"job {job.pk} says done, its image is not known")
    for job in Job.objects.filter(kind="recovery.restore", state=Job.State.DONE):
        restore = Restore.objects.filter(pk=job.params["restore"]).first()
        if restore is None or restore.state != Restore.State.DONE:
            yield Violation("I9", f"job {job.pk} says done, its restore does not")


def _needs_no_human() -> Iterator[Violation]:
    """I10: nothing is left that only a person could clear up."""
    live = set(Job.objects.filter(state__in=Job.LIVE).values_list("pk", flat=True))
    for image in BackupImage.objects.filter(state=BackupImage.State.WRITING).exclude(job_id__in=live):
        again = Job.objects.filter(kind="backup.run", state=Job.State.FAILED, pk__in=[image.job_id])
        if (
            not again.exists()
        ):  # the next backup abandons it by itself; a job that ended well does not leave it
            yield Violation("I10", f"image {image.sequence} is being written by nobody")
    running = Restore.objects.filter(state__in=Restore.RUNNING)
    for restore in running.exclude(job_id__in=live):
        yield Violation("I10", f"restore {restore.pk} is {restore.state} and nobody works on it")
    unit = unit_or_none()
    if unit is not None and unit.state == Unit.State.RESTORING and not running.exists():
        yield Violation("I10", "the unit is restoring and there is no restore")
    if not running.exists() and generations.orphans():
        yield Violation("I10", f"{len(generations.orphans())} databases are left over")


def _nothing_backwards() -> Iterator[Violation]:
    """I11: sequences have no gaps and no doubles, and dates and epochs only grow along a chain."""
    chains: dict[tuple[Any, str], list[BackupImage]] = {}
    known = BackupImage.objects.exclude(state__in=["writing", "abandoned"]).order_by("sequence")
    for image in known:
        chains.setdefault((image.target_id, image.chain), []).append(image)
    for images in chains.values():
        numbers = [image.sequence for image in images]
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            yield Violation("I11", f"the chain of {images[0].serial} has the sequences {numbers}")
        epochs = [image.epoch for image in images]
        if epochs != sorted(epochs):
            yield Violation("I11", f"the chain of {images[0].serial} has the epochs {epochs}")


def _words_for_people() -> Iterator[Violation]:
    """I12: every failure reaches a person in words, with the next step."""
    for job in Job.objects.filter(state=Job.State.FAILED):
        if not (job.refusal.get("code") and job.refusal.get("title") and job.refusal.get("next_step")):
            yield Violation("I12", f"job {job.kind} failed without words: {job.refusal}")
    for image in BackupImage.objects.filter(state=BackupImage.State.DAMAGED):
        if not (image.problem or {}).get("next_step"):
            yield Violation("I12", f"image {image.sequence} is damaged without words")


def _silent(phase: str, done: int, total: int) -> None:
    del phase, done, total


def _go_on() -> None:
    """Nobody cancels."""


def main() -> int:
    """For the site of the environment: prints a JSON list of violations; 0 if there is none."""
    found = [dataclasses.asdict(violation) for violation in violations()]
    print(json.dumps(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
