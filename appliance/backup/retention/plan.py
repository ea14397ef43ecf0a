"""A policy put to the images of a target as its rows know them; web and engine decide by the same code."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from appliance.backup.models import BackupImage, BackupTarget, RetentionPolicy
from appliance.backup.retention.policy import RULES, Facts, Plan, Policy, Reason, decide
from jobs.models import Job

S = BackupImage.State


def policy_of(row: RetentionPolicy) -> Policy:
    """The policy that a row keeps."""
    return Policy(**{rule: getattr(row, rule) for rule in RULES}, time_zone=row.time_zone)


def stored_policy(target: BackupTarget) -> RetentionPolicy | None:
    """The row of a target's policy, if it has one."""
    return RetentionPolicy.objects.filter(target=target).first()


def images_to_judge(target: BackupTarget) -> list[BackupImage]:
    """Images that a policy may speak of: committed ones, and those it marked and may take back. What a person
    marked, and what is being deleted, is decided already."""
    rows = target.images.filter(state__in=BackupImage.RESTORABLE, deletion="")
    return list(rows.exclude(state=S.EXPIRED, expired_by="by-hand").exclude(made_at=None))


def is_verified(image: BackupImage) -> bool:
    """Whether every chunk was opened and nothing was found wrong since; kept in mind over expiry."""
    return S.VERIFIED in (image.state, image.expired_from if image.state == S.EXPIRED else "")


def holds(image: BackupImage, newest: dict[str, int], busy: set[uuid.UUID]) -> tuple[Reason, ...]:
    """Reasons to keep an image that no policy takes away."""
    found = []
    if image.protected_at is not None:
        found.append("protected")
    if not image.own:
        found.append("other-unit")  # only the unit that made a chain deletes from it
    if newest.get(image.chain) == image.sequence:
        found.append("newest")  # it anchors the chain: what is missing after it could not be told
    if image.pk in busy:
        found.append("in-use")
    return tuple(found)


def facts_of(target: BackupTarget) -> list[Facts]:
    """What `decide` asks of each image."""
    images = images_to_judge(target)
    newest, busy = newest_of_chains(target), in_use(images)
    return [
        Facts(image.pk, image.made_at, is_verified(image), holds(image, newest, busy), image.sequence)
        for image in images
        if image.made_at is not None
    ]


def newest_of_chains(target: BackupTarget) -> dict[str, int]:
    """The highest sequence of each chain, of images that are or were on the target."""
    newest: dict[str, int] = {}
    rows = target.images.exclude(state__in=[S.ABANDONED, S.WRITING])
    for chain, sequence in rows.values_list("chain", "sequence"):
        newest[chain] = max(newest.get(chain, 0), sequence)
    return newest


def in_use(images: Iterable[BackupImage]) -> set[uuid.UUID]:
    """Images that a waiting or running job is about: restored, verified, copied, carried away."""
    subjects = {f"backup-image:{image.pk}": image.pk for image in images}
    live = Job.objects.filter(subject__in=subjects, state__in=Job.LIVE).exclude(kind="backup.lodge_head")
    return {subjects[subject] for subject in live.values_list("subject", flat=True)}


def plan_of(target: BackupTarget, policy: Policy) -> Plan:
    """What the policy says of the target now."""
    return decide(policy, facts_of(target))


def why_held(image: BackupImage) -> tuple[Reason, ...]:
    """Why this image may not be marked, by whomever: holds, and being the last verified one."""
    target = image.target
    found = holds(image, newest_of_chains(target), in_use([image]))
    others = [other for other in images_to_judge(target) if other.pk != image.pk]
    verified = [other for other in others if other.state == S.VERIFIED]
    return found if verified else (*found, "last-verified")
