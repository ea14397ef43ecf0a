"""The jobs around carried images: rows, states and trust; `engine.carry` does the work."""

from __future__ import annotations

import os
import uuid
from typing import Any

from django.db import transaction

from appliance.backup.carried import check_file_name, directory, open_carried
from appliance.backup.engine import house
from appliance.backup.engine.carry import (
    check_place,
    discard_part,
    export_image,
    put_carried,
    read_carried,
)
from appliance.backup.engine.verify import place_of
from appliance.backup.errors import ImageNotUsable
from appliance.backup.models import BackupImage, BackupTarget
from audit.log import record
from ground.refusals import Missing
from jobs.actions import start_job
from jobs.handlers import JobCancelled, JobContext

EXPORTABLE = (BackupImage.State.COMMITTED, BackupImage.State.VERIFIED, BackupImage.State.EXPIRED)


def run_export(ctx: JobContext) -> dict[str, Any]:
    """The handler of `backup.export`."""
    with house.rows():
        image = BackupImage.objects.select_related("target").filter(pk=ctx.params["image"]).first()
    if image is None:
        raise Missing(image=str(ctx.params["image"]))
    if image.state not in EXPORTABLE:
        raise ImageNotUsable(image=str(image.pk), state=image.state)
    path = directory() / check_file_name(ctx.params["file"])
    trust = house.trust_of(house.key_process().status())
    target, _ = house.open_checked(image.target, customer=image.customer_id, write=False)
    try:
        told = export_image(place_of(image), target, trust, path, progress=ctx.progress, check=ctx.check)
    except JobCancelled:
        discard_part(path)
        raise
    with house.rows(), transaction.atomic():
        subject = f"backup-image:{image.pk}"
        record("backup.exported", actor=ctx.actor, subject=subject, facts=told)
    return {"image": str(image.pk), **told}


def run_import(ctx: JobContext) -> dict[str, Any]:
    """The handler of `backup.import`."""
    with house.rows():
        row = BackupTarget.objects.filter(pk=ctx.params["target"]).first()
    if row is None:
        raise Missing(target=str(ctx.params["target"]))
    status = house.key_process().status()
    descriptor = open_carried(directory() / check_file_name(ctx.params["file"]))
    try:
        carried = read_carried(
            descriptor,
            house.trust_of(status),
            customer=house.customer_of(status),
            progress=ctx.progress,
            check=ctx.check,
        )
        target = house.open_row(row)
        target.probe(write=True)
        check_place(carried, target, expected=row.repository_id)
        told = put_carried(carried, descriptor, target, progress=ctx.progress, check=ctx.check)
    finally:
        os.close(descriptor)
    with house.rows(), transaction.atomic():
        image = uuid.UUID(carried.header.image)
        facts = {"target": row.name, "file": ctx.params["file"], **told}
        record("backup.imported", actor=ctx.actor, subject=f"backup-image:{image}", facts=facts)
        # The target is looked at again: that is how every image gets into the catalogue.
        start_job(
            "backup.survey",
            actor=ctx.actor,
            params={"target": str(row.pk)},
            subject=f"backup-target:{row.pk}",
            idempotency_key=f"after {ctx.job_id}",
        )
    return told
