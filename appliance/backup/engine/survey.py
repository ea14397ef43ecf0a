"""Looking at a target: which images lie there, what of them is to be believed, how fresh it is.

The catalogue of images is what this writes; it can be thrown away and made again. Nothing here deletes on the
target, and a header that is missing there turns its row into "damaged", never into nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from appliance.backup.engine.chain import Finding, Found, Judgement, KnownHead, judge
from appliance.backup.engine.house import rows
from appliance.backup.engine.repository import Place, headers_on
from appliance.backup.errors import HeaderMissing, ImageForged
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.targets import Target
from appliance.backup.targets.marker import Marker
from sealing.content.header import MAX_TEXT_BYTES
from sealing.trust import Trust

FINDINGS = 200  # kept on the row; more says no more


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
    for place, name, _ in headers_on(target):
        try:
            found.append((place, target.get_bytes(name, limit=MAX_TEXT_BYTES).decode("ascii")))
        except UnicodeDecodeError:
            unread.append(Finding(name, ImageForged(layer="encoding", reason="ascii")))
    with rows():
        known = [*heads, *_heads_in_rows(row)]
    judgement = judge(found, trust=trust, repository=marker.repository, customer=marker.customer, known=known)
    judgement.findings += unread
    with rows(), transaction.atomic():
        _write(row, judgement, own_chain)
    return judgement


def _heads_in_rows(row: BackupTarget) -> list[KnownHead]:
    """The newest image of each chain that this unit's rows remember on this target."""
    newest: dict[str, BackupImage] = {}
    for image in row.images.filter(state__in=[*BackupImage.USABLE, "expired", "deleted"]).exclude(header=""):
        if image.chain not in newest or image.sequence > newest[image.chain].sequence:
            newest[image.chain] = image
    return [
        KnownHead(
            sequence=image.sequence,
            made_at=image.made_at or image.created_at,
            serial=image.serial,
            chain=image.chain,
            digest=image.header_digest,
        )
        for image in newest.values()
        if image.state != BackupImage.State.DELETED
    ]


def _write(row: BackupTarget, judgement: Judgement, own_chain: str) -> None:
    there: set[uuid.UUID] = set()
    for found in judgement.images:
        there.add(found.place.image)
        facts = image_facts(found, own_chain)
        image, made = BackupImage.objects.get_or_create(
            pk=found.place.image, defaults={"target": row, "state": BackupImage.State.COMMITTED, **facts}
        )
        if made or image.target_id != row.pk:
            continue
        # A header that is back, or that a killed job had written and not yet noted: the image exists.
        revived = Q(state__in=[BackupImage.State.WRITING, BackupImage.State.ABANDONED]) | Q(
            state=BackupImage.State.DAMAGED, problem__code=HeaderMissing.code
        )
        BackupImage.objects.filter(revived, pk=image.pk).update(
            state=BackupImage.State.COMMITTED, problem=None, **facts
        )
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
