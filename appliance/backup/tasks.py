"""Job handlers of the backup room; loaded by workers only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.backup import hooks
from appliance.backup.engine import (
    carry_jobs,
    copying,
    foresee,
    heal,
    house,
    lodge,
    prune,
    retire,
    run,
    use,
    verify,
)
from appliance.backup.engine.chain import KnownHead
from appliance.backup.engine.repository import chain_name
from appliance.backup.engine.survey import survey
from appliance.backup.errors import PackDamaged
from appliance.backup.models import BackupImage, BackupTarget
from ground.refusals import Missing
from jobs.handlers import JobContext, handler


@handler("backup.run", exclusive="store")
def run_backup(ctx: JobContext) -> dict[str, Any]:
    return run.run(ctx)


@handler("backup.foresee", exclusive="store")
def foresee_backup(ctx: JobContext) -> dict[str, Any]:
    return foresee.foresee(ctx)


@handler("backup.prune", exclusive="store")
def prune_target(ctx: JobContext) -> dict[str, Any]:
    return prune.prune(ctx)


@handler("keys.retire", exclusive="store")
def retire_key(ctx: JobContext) -> dict[str, Any]:
    return retire.retire(ctx)


def _one_image(params: Mapping[str, Any]) -> str:
    return f"backup.verify {params['image']}"


def _one_image_file(params: Mapping[str, Any]) -> str:
    return f"backup.carry {params['file']}"


@handler("backup.verify", exclusive=_one_image)
def verify_image(ctx: JobContext) -> dict[str, Any]:
    try:
        result = verify.verify(ctx)
    except PackDamaged:
        heal.after_damage(ctx)
        raise
    if result["depth"] == "full":
        with house.rows():
            image = BackupImage.objects.get(pk=ctx.params["image"])
            hooks.tell_verified(image.pk)
    return result


@handler("backup.lodge_head")
def lodge_head(ctx: JobContext) -> dict[str, Any]:
    return lodge.lodge_head(ctx)


def _one_target(params: Mapping[str, Any]) -> str:
    return f"backup.survey {params['target']}"


@handler("backup.survey", exclusive=_one_target)
def survey_target(ctx: JobContext) -> dict[str, Any]:
    """Probe a target and rebuild the catalogue of images on it. Makes a repository of an empty place only
    for a unit that belongs to somebody."""
    with house.rows():
        row = BackupTarget.objects.filter(pk=ctx.params["target"]).first()
    if row is None:
        raise Missing(target=str(ctx.params["target"]))
    keys = house.key_process()
    status = keys.status()
    customer = house.customer_of(status)
    target, marker = house.open_checked(row, customer=customer, write=customer is not None, create=True)
    judgement = survey(
        row,
        target,
        marker,
        trust=house.trust_of(status),
        own_chain=chain_name(status.certificate_thumbprint),
        heads=transferred_heads(keys, str(marker.repository)),
    )
    return {
        "images": len(judgement.images),
        "findings": len(judgement.findings),
        "freshness": judgement.freshness,
        "fresh_to": judgement.fresh_to.isoformat() if judgement.fresh_to else None,
    }


def _one_use(params: Mapping[str, Any]) -> str:
    return f"backup.use {params['target']}"


@handler("backup.use", exclusive=_one_use)
def use_of_target(ctx: JobContext) -> dict[str, Any]:
    return use.use(ctx)


@handler("backup.copy", exclusive="store")
def copy_target(ctx: JobContext) -> dict[str, Any]:
    return copying.copy(ctx)


def transferred_heads(keys: house.KeyProcess, repository: str) -> list[KnownHead]:
    """The newest head of this repository that the transfer carried, if one was installed here."""
    installed = keys.installation()
    return [] if installed is None else house.heads_of(installed.facts, repository)


@handler("backup.export", exclusive=_one_image_file)
def export_image(ctx: JobContext) -> dict[str, Any]:
    return carry_jobs.run_export(ctx)


@handler("backup.import", exclusive="store")  # beside it nothing is pruned
def import_image(ctx: JobContext) -> dict[str, Any]:
    return carry_jobs.run_import(ctx)
