"""One backup, from start to committed image; safe to be killed anywhere and started again."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from appliance.backup.engine import heal, house, repository, write
from appliance.backup.engine.chain import Found
from appliance.backup.engine.dump import DatabaseStream
from appliance.backup.engine.objects import snapshot_of
from appliance.backup.engine.repository import Place, chain_name
from appliance.backup.engine.survey import image_facts, survey
from appliance.backup.errors import (
    BackupRefused,
    KeyNotProven,
    MustRotate,
    NoActiveKey,
    SelfTestFailed,
    TargetIsCopy,
    TargetRefusal,
)
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.targets import Target
from appliance.backup.targets.marker import Marker
from appliance.content import TENANT
from appliance.keys.client import KeyProcess, Status
from audit.actor import Actor
from audit.log import record
from ground.db.transitions import swap
from ground.refusals import Missing, Refusal
from jobs.actions import start_job
from jobs.handlers import JobCancelled, JobContext
from sealing.content.header import ChainLink
from sealing.content.manifest import ImageManifest
from sealing.documents import head as heads
from sealing.documents import image_header
from sealing.documents.image_header import SignedHeader
from sealing.encoding import Digest
from sealing.trust import Trust


@dataclass(slots=True)
class _Work:
    """What one run works with."""

    ctx: JobContext
    keys: KeyProcess
    status: Status
    trust: Trust
    row: BackupTarget
    target: Target
    marker: Marker
    chain: str


def run(ctx: JobContext) -> dict[str, Any]:
    """The handler of `backup.run`. Returns what was made; every refusal leaves no image behind."""
    keys = house.key_process()
    status = keys.status()
    require_proven(status)
    with house.rows():
        row = BackupTarget.objects.filter(pk=ctx.params["target"]).first()
    if row is None:
        raise Missing(target=str(ctx.params["target"]))
    trust = house.trust_of(status)
    customer = uuid.UUID((status.customer or {})["id"])
    if row.copy_of_id is None:
        target, marker = house.open_checked(row, customer=customer, write=True, create=True)
    if row.copy_of_id is not None:  # known before, or seen by looking
        raise TargetIsCopy(target=row.name)
    work = _Work(ctx, keys, status, trust, row, target, marker, chain_name(status.certificate_thumbprint))
    judgement = survey(row, target, marker, trust=trust, own_chain=work.chain)
    if judgement.freshness == "rolled-back":
        ctx.log("The target was rolled back or lost images; the chain goes on from the newest one known.")
    finished = _finished_before(work)
    if finished is not None:
        return finished
    image = _begin(work)
    place = Place(work.chain, image.sequence, image.pk)
    try:
        return _make(work, image, place)
    except (JobCancelled, Refusal) as reason:
        _give_up(work, image, place, reason)
        raise


def require_proven(status: Status) -> None:
    """No backup without an active key whose value is proven: asked of the key process, not of rows."""
    if status.must_rotate:
        raise MustRotate()
    if status.active is None or status.customer is None or status.appliance is None:
        raise NoActiveKey(state=status.state)
    if status.active.proof is None or not status.active.durable:
        raise KeyNotProven(epoch=status.active.epoch)


def _finished_before(work: _Work) -> dict[str, Any] | None:
    """An earlier attempt of this very job may have been killed after its header was durable: the survey has
    then made the image committed, and there is nothing left to do but what follows."""
    with house.rows():
        image = BackupImage.objects.filter(
            target=work.row, job_id=work.ctx.job_id, state__in=BackupImage.USABLE
        ).first()
    if image is None:
        return None
    signed = image_header.read(image.header, work.trust)
    _lodge(work, image, signed)
    return _result(image)


def _begin(work: _Work) -> BackupImage:
    """The row of the image to be written: that of an earlier attempt of this job, or a new one."""
    with house.rows(), transaction.atomic():
        own = BackupImage.objects.filter(target=work.row, chain=work.chain)
        mine = None
        for left in own.filter(state=BackupImage.State.WRITING):
            if left.job_id == work.ctx.job_id:
                mine = left
            else:  # one writer at a time: whoever wrote this is gone
                swap(left, "state", BackupImage.State.WRITING, BackupImage.State.ABANDONED)
        if mine is not None:
            return mine
        newest = own.exclude(state=BackupImage.State.ABANDONED).order_by("-sequence").first()
        return BackupImage.objects.create(
            target=work.row,
            own=True,
            serial=work.status.serial,
            chain=work.chain,
            sequence=1 if newest is None else newest.sequence + 1,
            customer_id=uuid.UUID((work.status.customer or {})["id"]),
            appliance_id=uuid.UUID((work.status.appliance or {})["id"]),
            job_id=work.ctx.job_id,
        )


def _make(work: _Work, image: BackupImage, place: Place) -> dict[str, Any]:
    ctx = work.ctx
    started_at = int(time.time())
    with house.open_store() as (store, engine_keys):
        if engine_keys.active is None:
            raise NoActiveKey()
        ctx.progress("reading the database", 0, None)
        with (
            DatabaseStream(serial=work.status.serial, beside=snapshot_of) as stream,
            store.batch() as batch,
        ):
            put = batch.put_stream(stream, tenant=TENANT, check=ctx.check)
            assert stream.found is not None
            snapshot = stream.found
        packs = store.packs_of([put.recipe, *(item.recipe for item in snapshot.objects)])
        manifest = ImageManifest(
            image_id=str(image.pk),
            made_at=datetime.fromtimestamp(started_at, UTC).isoformat(),
            tenant=TENANT,
            database=put.recipe,
            database_size=put.size,
            objects=snapshot.objects,
            packs=tuple(packs),
            facts={**snapshot.facts, "appliance": dict(work.status.appliance or {})},
        )
        held = house.held(engine_keys)
        sent = write.send_packs(packs, store, held, work.target, ctx.progress, ctx.check)
        healed = heal.heal(work.row, work.target, work.trust, store, held, ctx.progress, ctx.check)
    # One wrapping, one key: whatever rotates meanwhile, an image never spans two epochs.
    wrapping = work.keys.wrap_for_image(manifest.data_keys)
    draft = write.Draft(
        place=place,
        manifest=manifest,
        wrapping=wrapping,
        link=_link(work, image),
        serial=work.status.serial,
        customer=str(image.customer_id),
        appliance=str(image.appliance_id),
        started_at=started_at,
        migrations={app: names[-1] for app, names in snapshot.migrations.items()},
        release=house.RELEASE,
    )
    ctx.progress("writing the image", 0, None)
    signed = write.write_image(draft, work.target, work.keys.signer, work.trust, ctx.check)
    _commit(work, image, place, signed, sent)
    _test(work, image, draft, signed, sent)
    _lodge(work, image, signed)
    heal.verify_again(healed, actor=ctx.actor, job=ctx.job_id)
    return _result(image)


def _link(work: _Work, image: BackupImage) -> ChainLink:
    with house.rows():
        before = (
            BackupImage.objects.filter(target=work.row, chain=work.chain, sequence=image.sequence - 1)
            .exclude(state=BackupImage.State.ABANDONED)
            .first()
        )
        restored = BackupImage.objects.exclude(restored_at=None).order_by("-restored_at").first()
    first = image.sequence == 1
    return ChainLink(
        target=str(work.marker.repository),
        sequence=image.sequence,
        previous=None if first or before is None else before.link_digest,
        # A new unit's chain names the image that it came back from as its parent.
        parent=restored.link_digest if first and restored is not None else None,
    )


def _commit(work: _Work, image: BackupImage, place: Place, signed: SignedHeader, sent: write.Sent) -> None:
    """The header lies durably under its name: now the row may say so."""
    facts = image_facts(Found(place, signed), work.chain)
    with house.rows(), transaction.atomic():
        swap(
            image,
            "state",
            BackupImage.State.WRITING,
            BackupImage.State.COMMITTED,
            new_bytes=sent.new_bytes,
            **facts,
        )
        record(
            "backup.committed",
            actor=work.ctx.actor,
            subject=f"backup-image:{image.pk}",
            facts={
                "target": work.row.name,
                "sequence": image.sequence,
                "epoch": image.epoch,
                "packs": image.pack_count,
                "stored_bytes": image.stored_bytes,
                "new_bytes": image.new_bytes,
                "proof": image.proof,
            },
        )


def _test(
    work: _Work, image: BackupImage, draft: write.Draft, signed: SignedHeader, sent: write.Sent
) -> None:
    work.ctx.progress("testing the image", 0, None)
    try:
        write.self_test(draft, signed, sent, work.target, work.ctx.check)
    except (BackupRefused, TargetRefusal) as refusal:
        with house.rows(), transaction.atomic():
            moved = swap(
                image,
                "state",
                BackupImage.State.COMMITTED,
                BackupImage.State.DAMAGED,
                problem=refusal.as_dict(),
            )
            if moved:
                record(
                    "backup.self-test-failed",
                    actor=work.ctx.actor,
                    subject=f"backup-image:{image.pk}",
                    facts=refusal.as_dict(),
                    outcome="refused",
                )
        if isinstance(refusal, TargetRefusal):
            raise SelfTestFailed(why=str(refusal)) from refusal
        raise


def _lodge(work: _Work, image: BackupImage, signed: SignedHeader) -> None:
    """Sign the head, leave it on the target, and start what follows: full verification and lodging."""
    header = signed.header
    with house.rows():
        before = BackupImage.objects.filter(
            target=work.row, chain=work.chain, sequence=image.sequence - 1
        ).exclude(header="")
        previous = before.values_list("header_digest", flat=True).first()
    name = repository.head_name(work.chain, image.sequence)
    if not image.head:
        claims = heads.Head(
            serial=header.serial,
            customer=header.customer,
            appliance=header.appliance,
            target=header.chain.target,
            sequence=header.chain.sequence,
            header=signed.digest,
            previous=None if previous is None else Digest(previous),
            iat=int(time.time()),
        )
        text = heads.issue(claims, work.keys.signer())
        if work.target.stat(name) is None:
            work.target.put_bytes(name, text.encode())
        else:  # a killed attempt left its own
            text = work.target.get_bytes(name, limit=heads.FORM.max_bytes).decode("ascii")
            heads.read(text, work.trust)
        image.head = text
    with house.rows(), transaction.atomic():
        BackupImage.objects.filter(pk=image.pk).update(head=image.head)
        follow_up(image, actor=work.ctx.actor, job=work.ctx.job_id)


def follow_up(image: BackupImage, *, actor: Actor, job: uuid.UUID) -> None:
    """Start the jobs that come after a backup, once for each backup job."""
    subject, params = f"backup-image:{image.pk}", {"image": str(image.pk)}
    start_job(
        "backup.verify",
        actor=actor,
        params={**params, "depth": "full"},
        subject=subject,
        idempotency_key=f"after {job}",
    )
    start_job(
        "backup.lodge_head", actor=actor, params=params, subject=subject, idempotency_key=f"after {job}"
    )


def _give_up(work: _Work, image: BackupImage, place: Place, reason: BaseException) -> None:
    """Cancelled or refused: no image, nothing half-done. Packs that were sent stay: they are whole, and the
    next backup does not send them again."""
    try:
        write.discard(place, work.target)
    except Refusal:
        work.ctx.log("The target did not answer while tidying up; the next backup does it.")
    with house.rows(), transaction.atomic():
        if swap(image, "state", BackupImage.State.WRITING, BackupImage.State.ABANDONED):
            facts = reason.as_dict() if isinstance(reason, Refusal) else {"cancelled": True}
            record(
                "backup.abandoned",
                actor=work.ctx.actor,
                subject=f"backup-target:{work.row.pk}",
                facts=facts,
                outcome="refused" if isinstance(reason, Refusal) else "done",
            )
    if isinstance(reason, TargetRefusal):
        house.note_state(work.row, reason)


def _result(image: BackupImage) -> dict[str, Any]:
    return {
        "image": str(image.pk),
        "sequence": image.sequence,
        "epoch": image.epoch,
        "packs": image.pack_count,
        "stored_bytes": image.stored_bytes,
        "new_bytes": image.new_bytes,
        "content_bytes": image.content_bytes,
    }
