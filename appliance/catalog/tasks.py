"""Taking content into the store: the engine's work on virtual images. Loaded by workers only."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, transaction

from appliance.catalog.actions.start_sealing import KIND, seal_waiting
from appliance.catalog.errors import ImageUnknown, NothingToSeal
from appliance.catalog.models import VirtualImage
from appliance.content import spool
from appliance.content.engine.batch import Batch
from appliance.content.engine.intake import Put
from appliance.content.engine.opening import engine_keys, open_store, spool_private
from appliance.content.engine.unspool import SpoolReader
from appliance.content.errors import DigestMismatch, NoActiveKey, SpoolDamaged
from appliance.content.models import Upload
from appliance.keys.client import EngineKeys
from appliance.keys.hooks import on_activation
from audit.actor import Actor
from audit.log import record
from ground.db.transitions import swap
from ground.refusals import Refusal
from jobs.errors import InternalError
from jobs.handlers import JobCancelled, JobContext, LeaseLost, handler

S = VirtualImage.State
ATTEMPTS = 3


class TryAgain(Exception):
    """What is needed cannot be reached now; the next attempt may find it."""


@handler(KIND, exclusive="store", attempts=ATTEMPTS)
def seal(ctx: JobContext) -> dict[str, Any]:
    """Spool or file → store. Safe to run again: what a killed run stored is found and not stored twice."""
    image = _claim(uuid.UUID(ctx.params["image"]))
    if image.state == S.READY:
        return _result(image)
    try:
        put = _take_in(image, ctx)
    except NoActiveKey as refusal:
        # Not a failure: the content waits, and the next activation starts a job for it.
        _leave(image, S.WAITING, refusal.as_dict())
        ctx.log("No active key: the content waits in the sealed spool.")
        return {"image": str(image.pk), "state": S.WAITING}
    except JobCancelled:
        _leave(image, S.WAITING, {})
        raise
    except LeaseLost:
        raise  # another process has the job, and the image
    except DigestMismatch as refusal:
        _leave(image, S.FAILED, refusal.as_dict())
        _drop_upload(image)
        raise
    except Refusal as refusal:
        if refusal.kind == "unavailable" and ctx.attempt < ATTEMPTS:
            # A process that is being restarted, a writer that is just ending: no person is needed for that.
            _leave(image, S.WAITING, refusal.as_dict())
            raise TryAgain(refusal.code) from refusal
        _leave(image, S.FAILED, refusal.as_dict())
        raise
    except Exception:
        _leave(image, S.FAILED, InternalError(job=str(ctx.job_id)).as_dict())
        raise
    return _finish(image, put, ctx)


@on_activation
def _after_activation(key_id: str, epoch: int) -> None:
    del key_id, epoch
    seal_waiting(actor=Actor.system("content"))


def _claim(image_id: uuid.UUID) -> VirtualImage:
    """The image, moved to *sealing* unless it is ready already."""
    image = VirtualImage.objects.filter(pk=image_id).first()
    if image is None:
        raise ImageUnknown(image=str(image_id))
    if image.state != S.READY and not swap(
        image, "state", [S.WAITING, S.SEALING, S.FAILED], S.SEALING, problem={}
    ):
        raise NothingToSeal(state=image.state)
    connections["default"].close()  # the work ahead is long, and an open connection holds the writers' gate
    return image


def _take_in(image: VirtualImage, ctx: JobContext) -> Put:
    keys = engine_keys()

    def progress(done: int, total: int) -> None:
        ctx.progress("sealing", done, total or None)

    with open_store(keys) as store, store.batch() as batch:
        if image.source == VirtualImage.Source.FILE:
            # Compared where one was declared. Otherwise the recipe's keyed id stands for the content, and the
            # fifth of the work that a second digest would be is left out (docs/performance.md).
            put = batch.put_file(
                Path(image.path), sha256=bool(image.declared_sha256), progress=progress, check=ctx.check
            )
        else:
            put = _from_spool(image, keys, batch, ctx)
        if image.declared_sha256 and put.sha256 != image.declared_sha256:
            raise DigestMismatch(declared=image.declared_sha256, found=put.sha256)
    return put


def _from_spool(image: VirtualImage, keys: EngineKeys, batch: Batch, ctx: JobContext) -> Put:
    complete = Upload.objects.filter(state=Upload.State.COMPLETE)
    upload = complete.filter(pk=image.upload_id).first() if image.upload_id else None
    connections["default"].close()
    if upload is None:
        raise SpoolDamaged(upload=str(image.upload_id), offset=0, reason="missing")
    reader = SpoolReader(settings.SITE.spool, upload.pk, upload.length, spool_private(keys))
    return batch.put_stream(
        reader,
        total=upload.length,
        sha256=True,
        progress=lambda done, total: ctx.progress("sealing", done, total),
        check=ctx.check,
    )


def _finish(image: VirtualImage, put: Put, ctx: JobContext) -> dict[str, Any]:
    """The content is durable in the store: say so, and let the spool's copy go."""
    with transaction.atomic():
        swap(
            image,
            "state",
            S.SEALING,
            S.READY,
            recipe=put.recipe,
            size=put.size,
            data_size=put.data_size,
            new_bytes=put.new_bytes,
            sha256=put.sha256 or "",
            path="",
            problem={},
        )
        if image.upload_id is not None:
            Upload.objects.filter(pk=image.upload_id).update(state=Upload.State.TAKEN)
        record(
            "images.sealed",
            actor=ctx.actor,
            subject=f"virtual-image:{image.pk}",
            facts={"recipe": put.recipe, "size": put.size, "sha256": put.sha256, "new_bytes": put.new_bytes},
        )
    if image.upload_id is not None:
        spool.remove(settings.SITE.spool, image.upload_id)
    return _result(image)


def _leave(image: VirtualImage, state: str, problem: dict[str, Any]) -> None:
    swap(image, "state", S.SEALING, state, problem=problem)
    connections["default"].close()


def _drop_upload(image: VirtualImage) -> None:
    """Wrong content is no use to anybody: let the spool's copy go."""
    if image.upload_id is not None:
        Upload.objects.filter(pk=image.upload_id).delete()
        connections["default"].close()
        spool.remove(settings.SITE.spool, image.upload_id)


def _result(image: VirtualImage) -> dict[str, Any]:
    return {
        "image": str(image.pk),
        "state": image.state,
        "recipe": image.recipe,
        "size": image.size,
        "new_bytes": image.new_bytes,
    }
