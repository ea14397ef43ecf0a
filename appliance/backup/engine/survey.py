"""Looking at a target: which images lie there, what of them is to be believed, how fresh it is.

The catalogue of images is what this writes; it can be thrown away and made again. Nothing here deletes on the
target, and a header that is missing there turns its row into "damaged", never into nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from appliance.backup.engine.chain import Finding, Found, Judgement, KnownHead, judge
from appliance.backup.engine.deletions import Records, records_on
from appliance.backup.engine.house import rows
from appliance.backup.engine.repository import Place, headers_on
from appliance.backup.errors import HeaderMissing, ImageForged, ListingIncomplete, ObjectCorrupt
from appliance.backup.models import BackupImage, BackupTarget, ImageCopy
from appliance.backup.targets import Target
from appliance.backup.targets.marker import Marker
from sealing.content.header import MAX_TEXT_BYTES
from sealing.trust import Trust

ASKED = 50  # headers that a listing left out and that are asked for by name
FINDINGS = 200  # kept on the row; more says no more
_AT_ONCE = 500  # rows asked for in one query
# A header that is back, or that a killed job had written and not yet noted: the image exists.
_CAME_BACK = Q(state__in=[BackupImage.State.WRITING, BackupImage.State.ABANDONED]) | Q(
    state=BackupImage.State.DAMAGED, problem__code=HeaderMissing.code
)


def survey(
    row: BackupTarget,
    target: Target,
    marker: Marker,
    *,
    trust: Trust,
    own_chain: str,
    heads: Iterable[KnownHead] = (),
) -> Judgement:
    """Read and judge every header on the target, and bring the rows in line. `heads` are newest heads known
    from elsewhere (a transfer); those in the rows are known already."""
    found: list[tuple[Place, str]] = []
    unread: list[Finding] = []
    listed: set[uuid.UUID] = set()
    listing = list(target.list("chains/"))
    for place, name, _ in headers_on(target, listing):
        listed.add(place.image)
        try:
            found.append((place, target.get_bytes(name, limit=MAX_TEXT_BYTES).decode("ascii")))
        except UnicodeDecodeError:
            unread.append(Finding(name, ImageForged(layer="encoding", reason="ascii")))
        except ObjectCorrupt as error:
            if not error.is_oversized:
                raise
            # Whoever put it there keeps no other image from being found.
            unread.append(Finding(name, ImageForged(layer="encoding", reason="size")))
    _require_whole_listing(row, target, listed)
    with rows():
        known = [*heads, *_heads_in_rows(row)]
    records = records_on(
        target, trust=trust, repository=marker.repository, customer=marker.customer, listing=listing
    )
    judgement = judge(
        found,
        trust=trust,
        repository=marker.repository,
        customer=marker.customer,
        known=known,
        deleted=records.by_chain,
    )
    judgement.findings += unread
    judgement.findings += [Finding(name, refusal) for name, refusal in records.refused]
    with rows(), transaction.atomic():
        _write(row, judgement, own_chain)
        _write_deletions(row, records)
    return judgement


def _require_whole_listing(row: BackupTarget, target: Target, listed: set[uuid.UUID]) -> None:
    """A listing that leaves out a header which is there by name proves nothing: `ListingIncomplete`.

    The newest images are asked for; a header that is really gone is a finding, and costs one question.
    """
    with rows():
        known = row.images.filter(state__in=BackupImage.USABLE).exclude(pk__in=listed)
        missing = list(known.order_by("-sequence")[:ASKED])
    for image in missing:
        place = Place(image.chain, image.sequence, image.pk)
        if target.stat(place.header) is not None:
            raise ListingIncomplete(name=place.header, listed=len(listed))


def _heads_in_rows(row: BackupTarget) -> list[KnownHead]:
    """The newest image of each chain that this unit's rows remember on this target."""
    told = row.images.filter(state__in=[*BackupImage.USABLE, "expired", "deleted"]).exclude(header="")
    columns = ("sequence", "made_at", "created_at", "serial", "chain", "header_digest", "state")
    newest: dict[str, tuple[KnownHead, str]] = {}
    for sequence, made_at, created_at, serial, chain, digest, state in told.values_list(*columns):
        if chain not in newest or sequence > newest[chain][0].sequence:
            head = KnownHead(sequence, made_at or created_at, serial, chain, digest)
            newest[chain] = (head, state)
    return [head for head, state in newest.values() if state != BackupImage.State.DELETED]


def _write(row: BackupTarget, judgement: Judgement, own_chain: str) -> None:
    there = {found.place.image for found in judgement.images}
    known = _states_of(there)
    for found in judgement.images:
        before = known.get(found.place.image)
        if before is None:
            BackupImage.objects.create(
                pk=found.place.image,
                target=row,
                state=BackupImage.State.COMMITTED,
                **image_facts(found, own_chain),
            )
        elif before.target != row.pk:  # known from the target of which this one is a copy
            copy = {"found_at": timezone.now()}
            ImageCopy.objects.update_or_create(image_id=found.place.image, target=row, defaults=copy)
        elif before.came_back:
            _revive(found, own_chain)
    row.copied_images.exclude(image__in=there).delete()
    gone = row.images.filter(state__in=[BackupImage.State.COMMITTED, BackupImage.State.VERIFIED]).exclude(
        pk__in=there
    )
    for image in gone:
        problem = HeaderMissing(image=str(image.pk), sequence=image.sequence)
        BackupImage.objects.filter(pk=image.pk, state=image.state).update(
            state=BackupImage.State.DAMAGED, problem=problem.as_dict(), checked_at=timezone.now()
        )
    BackupTarget.objects.filter(pk=row.pk).update(
        findings=[finding.as_dict() for finding in judgement.findings[:FINDINGS]],
        freshness=judgement.freshness,
        fresh_to=judgement.fresh_to,
    )
    row.refresh_from_db()


@dataclass(frozen=True, slots=True)
class _Before:
    """What the rows said of an image whose header is there."""

    target: uuid.UUID
    came_back: bool


def _states_of(images: set[uuid.UUID]) -> dict[uuid.UUID, _Before]:
    """Rows by image, asked for in few queries: most of them need nothing."""
    found: dict[uuid.UUID, _Before] = {}
    wanted = sorted(images)
    for start in range(0, len(wanted), _AT_ONCE):
        rows = BackupImage.objects.filter(pk__in=wanted[start : start + _AT_ONCE])
        back = rows.filter(_CAME_BACK).values_list("pk", flat=True)
        came_back = set(back)
        for pk, target in rows.values_list("pk", "target_id"):
            found[pk] = _Before(target, pk in came_back)
    return found


def _revive(found: Found, own_chain: str) -> None:
    BackupImage.objects.filter(_CAME_BACK, pk=found.place.image).update(
        state=BackupImage.State.COMMITTED, problem=None, **image_facts(found, own_chain)
    )


def _write_deletions(row: BackupTarget, records: Records) -> None:
    """A believed record decides: an image whose header is gone was deleted, one whose header is still there
    is on its way out, and whoever deletes finishes it."""
    for chain, by_sequence in records.by_chain.items():
        for record in by_sequence.values():
            expired_at = datetime.fromtimestamp(record.expired_at, UTC)
            images = BackupImage.objects.filter(pk=record.image, target=row, chain=chain)
            begun = images.filter(state__in=BackupImage.RESTORABLE)
            lost = begun.filter(problem__code=HeaderMissing.code)
            lost.update(
                state=BackupImage.State.DELETED,
                deletion=record.text,
                problem=None,
                deleted_at=datetime.fromtimestamp(record.iat, UTC),
            )
            begun.exclude(problem__code=HeaderMissing.code).update(
                state=BackupImage.State.EXPIRED,
                deletion=record.text,
                expired_at=expired_at,
                expired_by=record.reason,
            )


def image_facts(found: Found, own_chain: str) -> dict[str, object]:
    """What a believed header says, as columns."""
    header = found.signed.header
    return {
        "own": found.place.chain == own_chain,
        "serial": header.serial,
        "chain": found.place.chain,
        "sequence": found.place.sequence,
        "header": found.signed.text,
        "header_digest": found.signed.digest,
        "link_digest": found.signed.link_digest,
        "customer_id": uuid.UUID(header.customer),
        "appliance_id": uuid.UUID(header.appliance),
        "key_id": header.key_id,
        "epoch": header.epoch,
        "proof": BackupImage.Proof.WAIVED if header.is_waived else BackupImage.Proof.DRILLED,
        "made_at": datetime.fromtimestamp(header.made_at, UTC),
        "content_bytes": header.content_bytes,
        "stored_bytes": header.stored_bytes,
        "object_count": header.objects,
        "pack_count": header.packs,
    }
