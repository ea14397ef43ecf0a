"""Job handlers of the recovery room; loaded by workers only."""

from __future__ import annotations

from typing import Any

from appliance.backup.hooks import on_verified
from appliance.recovery.engine import deliver, listing, partial, preview, restore, transfer
from jobs.handlers import JobContext, handler

on_verified(deliver.image_verified)


@handler("recovery.request", exclusive="keys")
def request_transfer(ctx: JobContext) -> dict[str, Any]:
    return transfer.request_transfer(ctx)


@handler("recovery.install", exclusive="keys")
def install_transfer(ctx: JobContext) -> dict[str, Any]:
    return transfer.install_transfer(ctx)


@handler("recovery.deliver")
def deliver_document(ctx: JobContext) -> dict[str, Any]:
    return deliver.deliver(ctx)


@handler("recovery.report")
def sign_report(ctx: JobContext) -> dict[str, Any]:
    return deliver.sign_report(ctx)


@handler("recovery.preview")
def preview_image(ctx: JobContext) -> dict[str, Any]:
    return preview.preview(ctx)


@handler("recovery.restore", exclusive="store", attempts=restore.LAST_ATTEMPT)
def restore_image(ctx: JobContext) -> dict[str, Any]:
    return restore.run(ctx)


@handler("recovery.objects")
def list_objects(ctx: JobContext) -> dict[str, Any]:
    return listing.list_objects(ctx)


@handler("recovery.object", exclusive="store", attempts=restore.LAST_ATTEMPT)
def restore_object(ctx: JobContext) -> dict[str, Any]:
    return partial.restore_object(ctx)
