"""Pruning a target: mark what the policy no longer keeps, and delete what was marked a grace ago.

Nothing is deleted on the word of one listing. Every image that is known to lie on the target must be there
(`require_listing`), every chain whole up to the newest head known, and a verified image that stays must be
complete (`_require_anchor`). Then each image is compared with its row once more, its deletion signed and
stored before anything is touched (docs/formats/deletion-record.md §2), and only then header, manifest, list
and packs go, in this order. Killed anywhere, the next run finishes what was begun.

Runs in the group "store": never beside a backup or another job of this unit that writes to a target.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from appliance.backup.engine import collect, erase, house, use
from appliance.backup.engine.chain import Judgement
from appliance.backup.engine.deletions import records_on
from appliance.backup.engine.erase import Work
from appliance.backup.engine.repository import Place, chain_name, pack_name
from appliance.backup.engine.survey import survey
from appliance.backup.engine.verify import open_image, place_of, read_header
from appliance.backup.errors import (
    EvidenceLacking,
    HeaderMissing,
    ImageRefusal,
    NoRetentionPolicy,
    OutboundIsPaused,
)
from appliance.backup.models import BackupImage, BackupTarget, RetentionPolicy
from appliance.backup.retention import plan as plans
from appliance.unit.selectors import is_outbound_allowed
from audit.log import record
from ground.db.transitions import swap
from ground.refusals import Missing
from jobs.handlers import JobContext

S = BackupImage.State
GRACE_DAYS = 7  # where a person marked an image on a target that has no policy
QUOTA_PERCENT = 50
LISTED = 200  # images named in a job's result; the rest is counted


@dataclass(frozen=True, slots=True)
class Rules:
    """What applies to this run."""

    policy: RetentionPolicy | None
    grace: dt.timedelta
    quota_percent: int


def prune(ctx: JobContext) -> dict[str, Any]:
    """The handler of `backup.prune`. With `dry_run` it changes nothing and says what would happen."""
    dry = bool(ctx.params.get("dry_run"))
    keys = house.key_process()
    status = keys.status()
    with house.rows():
        row = BackupTarget.objects.filter(pk=ctx.params["target"]).first()
        if row is None:
            raise Missing(target=str(ctx.params["target"]))
        if not dry and not is_outbound_allowed():
            raise OutboundIsPaused()
        rules = _rules_of(row)
    trust = house.trust_of(status)
    target, marker = house.open_checked(row, customer=house.customer_of(status), write=not dry)
    own = chain_name(status.certificate_thumbprint)
    with house.rows():
        known = {
            image.pk: image.sequence
            for image in row.images.filter(state__in=BackupImage.RESTORABLE, deletion="").exclude(
                problem__code=HeaderMissing.code
            )
        }
    work = Work(ctx, keys, trust, row, target, marker, own)
    if not dry:
        _write_off_lost(work, rules)
    judgement = survey(row, target, marker, trust=trust, own_chain=own)
    require_listing(judgement, known)
    finished = [] if dry else _finish_begun(work)
    with house.rows():
        marked, back = _mark(work, rules, dry=dry)
        due = _due(row, rules, marked if dry else [])
    due = [image for image in due if image not in back]
    if due:
        _require_anchor(work, due)
    lost = [erase.describe(work, image) for image in due[:LISTED]]
    if dry:
        return {
            "dry_run": True,
            "expired": [erase.summary(image) for image in marked[:LISTED]],
            "kept_again": len(back),
            "deleted": lost,
            "packs": collect.preview(work, due),
        }
    deleted = [image for image in due if erase.erase(work, image)]
    packs = collect.collect(work)
    use.measure(row, target, trust)
    return {
        "dry_run": False,
        "expired": [erase.summary(image) for image in marked[:LISTED]],
        "kept_again": len(back),
        "finished": [erase.summary(image) for image in finished[:LISTED]],
        "deleted": [entry for entry in lost if entry["image"] in {str(image.pk) for image in deleted}],
        "packs": packs,
    }


def _write_off_lost(work: Work, rules: Rules) -> None:
    """Images of which the storage lost the header and which a person then expired, a grace ago."""
    with house.rows():
        lost = list(
            work.row.images.filter(
                state=S.EXPIRED,
                own=True,
                deletion="",
                protected_at=None,
                expired_by="by-hand",
                problem__code=HeaderMissing.code,
                expired_at__lte=timezone.now() - rules.grace,
            )
        )
    for image in lost:
        erase.write_off(work, image)


def _rules_of(row: BackupTarget) -> Rules:
    policy = plans.stored_policy(row)
    if policy is not None:
        return Rules(policy, dt.timedelta(days=policy.grace_days), policy.quota_percent)
    if not row.images.filter(state=S.EXPIRED).exists():
        raise NoRetentionPolicy(target=row.name)
    return Rules(None, dt.timedelta(days=GRACE_DAYS), QUOTA_PERCENT)


def require_listing(judgement: Judgement, known: dict[uuid.UUID, int]) -> None:
    """Positive evidence, first half: all that is known is there, and nothing about it is wrong."""
    there = {found.place.image for found in judgement.images}
    missing = sorted(sequence for pk, sequence in known.items() if pk not in there)
    if missing:
        raise EvidenceLacking(why="images known to lie there are not listed", missing=missing[:20])
    if judgement.findings:
        listed = [finding.as_dict() for finding in judgement.findings[:5]]
        raise EvidenceLacking(why="the target is not as it should be", findings=listed)


def _require_anchor(work: Work, due: list[BackupImage]) -> None:
    """Second half: a verified image that stays lies there whole, as far as sizes tell."""
    going = {image.pk for image in due}
    with house.rows():
        staying = [
            image
            for image in work.row.images.filter(state=S.VERIFIED, deletion="").order_by("-made_at")
            if image.pk not in going
        ]
    if not staying:
        raise EvidenceLacking(why="no verified image would be left")
    anchor = staying[0]
    try:
        signed = read_header(place_of(anchor), work.target, work.trust)
        opened = open_image(place_of(anchor), signed, work.target, None)
    except ImageRefusal as refusal:
        raise EvidenceLacking(why="the image that stays is damaged", problem=refusal.as_dict()) from refusal
    if signed.text != anchor.header:
        raise EvidenceLacking(why="the image that stays is another than the one known")
    for digest, size in opened.packs.items():
        work.ctx.check()
        found = work.target.stat(pack_name(digest))
        if found is None or found.size != size:
            raise EvidenceLacking(why="the image that stays lacks a pack", pack=digest)


def _finish_begun(work: Work) -> list[BackupImage]:
    """Deletions that an earlier run signed and did not end."""
    records = records_on(
        work.target, trust=work.trust, repository=work.marker.repository, customer=work.marker.customer
    )
    with house.rows():
        begun = list(work.row.images.filter(state=S.EXPIRED, own=True).exclude(deletion=""))
        # A record that lies there although this unit's database does not know it (it was restored).
        for image in work.row.images.filter(state__in=BackupImage.RESTORABLE, own=True, deletion=""):
            found = records.of(Place(image.chain, image.sequence, image.pk))
            if found is not None:
                image.deletion = found.text
                begun.append(image)
    for image in begun:
        erase.finish(work, image)
    return begun


def _mark(work: Work, rules: Rules, *, dry: bool) -> tuple[list[BackupImage], list[BackupImage]]:
    """First phase: rows only. Newly expired images, and expired ones that the policy keeps after all."""
    if rules.policy is None:
        return [], []
    plan = plans.plan_of(work.row, plans.policy_of(rules.policy))
    expired, kept = {facts.id for facts in plan.expired}, {item.image for item in plan.kept}
    images = plans.images_to_judge(work.row)
    marked = [image for image in images if image.pk in expired and image.state != S.EXPIRED]
    back = [image for image in images if image.pk in kept and image.state == S.EXPIRED]
    if dry:
        return marked, back
    now = timezone.now()
    for image in marked:
        with transaction.atomic():
            facts = {"sequence": image.sequence, "state": image.state, "grace_days": rules.grace.days}
            if swap(
                image,
                "state",
                image.state,
                S.EXPIRED,
                expired_at=now,
                expired_from=image.state,
                expired_by="retention",
            ):
                record(
                    "backup.expired", actor=work.ctx.actor, subject=f"backup-image:{image.pk}", facts=facts
                )
    for image in back:
        with transaction.atomic():
            if swap(image, "state", S.EXPIRED, image.expired_from, expired_at=None, expired_by=""):
                record("backup.kept-again", actor=work.ctx.actor, subject=f"backup-image:{image.pk}")
    return marked, back


def _due(row: BackupTarget, rules: Rules, also: list[BackupImage]) -> list[BackupImage]:
    """Second phase: own images that were marked a grace ago, oldest first, as many as the quota allows.
    `also`: what a dry run would mark now, where there is no grace to wait for."""
    ready = row.images.filter(
        state=S.EXPIRED,
        own=True,
        deletion="",
        protected_at=None,
        expired_at__lte=timezone.now() - rules.grace,
    ).order_by("made_at", "sequence")
    due = [image for image in ready if not plans.in_use([image])]
    if not rules.grace:
        due += sorted(also, key=lambda image: image.sequence)
    newest = plans.newest_of_chains(row)
    due = [image for image in due if newest.get(image.chain) != image.sequence]
    total = row.images.filter(state__in=BackupImage.RESTORABLE).count()
    return due[: max(1, total * rules.quota_percent // 100)]
