"""A restore: content back into the store, the database into a scratch database, one switch.

Before the switch nothing of the unit's own is touched: a kill, a refusal or a cancellation leaves the live
database as it was, and packs in the store that are whole and do no harm. Every step is taken up where it was
left: packs that are there are not read again, a scratch database is made anew.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from appliance.backup.engine import house
from appliance.backup.engine.objects import objects_in
from appliance.backup.engine.repository import Place, pack_name
from appliance.backup.engine.verify import Opened, open_image, read_header
from appliance.backup.errors import PackDamaged, PackMissing, TargetRefusal
from appliance.backup.models import BackupImage
from appliance.backup.targets import Target
from appliance.content import errors as content
from appliance.content.engine.store import Store
from appliance.keys.client import KeyProcess
from appliance.recovery.engine.load import Loaded, load_stream
from appliance.recovery.engine.preview import require_fit
from appliance.recovery.engine.restore_rules import require_known_release, require_ours
from appliance.recovery.engine.switch import merge
from appliance.recovery.errors import RestoreNotAllowed, StreamInconsistent, WritersBusy
from appliance.recovery.models import Restore
from appliance.unit.actions.move_unit import move_unit
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.log import record
from ground.db import generations
from ground.db.gate import GateBusy
from ground.db.transitions import swap, transition
from ground.refusals import Missing, Refusal
from jobs.handlers import JobCancelled, JobContext
from sealing.content.manifest import ImageManifest, PackRef

COPIERS = 2  # threads; each holds one piece of a pack in memory
LAST_ATTEMPT = 5
ALLOWED = (Unit.State.KEYED, Unit.State.MUST_ROTATE)


@dataclass(slots=True)
class _Work:
    ctx: JobContext
    restore: Restore
    keys: KeyProcess
    target: Target
    opened: Opened

    @property
    def manifest(self) -> ImageManifest:
        assert self.opened.manifest is not None
        return self.opened.manifest


def run(ctx: JobContext) -> dict[str, Any]:
    """The handler of `recovery.restore`."""
    restore = _take_up(ctx)
    if restore.state == Restore.State.DONE:
        return _finish(restore)
    try:
        work = _open(ctx, restore)
        require_known_release(work.manifest)
        chunks = _copy_content(work)
        generation, loaded = _load_database(work)
        _switch(work, generation, loaded, chunks)
    except (JobCancelled, Refusal) as reason:
        _give_up(ctx, restore, reason)
        raise
    except Exception as error:
        if ctx.attempt >= LAST_ATTEMPT:
            _give_up(ctx, restore, error)
        raise
    with house.rows():
        restore.refresh_from_db()
    return _finish(restore)


def _take_up(ctx: JobContext) -> Restore:
    """The restore of this job: new, left by a killed attempt, or started again after it failed."""
    states = Restore.State
    with house.rows(), transaction.atomic():
        restore = Restore.objects.filter(pk=ctx.params["restore"]).first()
        if restore is None:
            raise Missing(restore=str(ctx.params["restore"]))
        if restore.state == states.DONE:
            return restore
        if restore.state in (states.FAILED, states.CANCELLED):
            # A retry of the job. The unique index refuses it if another restore runs by now.
            transition(restore, "state", [states.FAILED, states.CANCELLED], states.PLANNED, problem=None)
        row = unit()
        if row.state in ALLOWED:
            swap(restore, "unit_state_before", restore.unit_state_before, row.state)
            move_unit(actor=ctx.actor, to=Unit.State.RESTORING, expected=row.state, why="restore begins")
        elif row.state != Unit.State.RESTORING:
            raise RestoreNotAllowed(state=row.state)
        if restore.job_id != ctx.job_id:
            Restore.objects.filter(pk=restore.pk).update(job_id=ctx.job_id)
            restore.job_id = ctx.job_id
    return restore


def _open(ctx: JobContext, restore: Restore) -> _Work:
    """Read and believe the image: header, owner, keys, manifest."""
    with house.rows():
        image = BackupImage.objects.select_related("target").filter(pk=restore.image_id).first()
    if image is None:
        raise Missing(image=str(restore.image_id))
    keys = house.key_process()
    status = keys.status()
    place = Place(image.chain, image.sequence, image.pk)
    target, _ = house.open_checked(image.target, customer=house.customer_of(status), write=False)
    signed = read_header(place, target, house.trust_of(status))
    require_ours(signed.header.customer, signed.header.key_id, status)
    # From here on the keyring holds the image's data keys and id keys: the store needs them.
    image_keys = house.image_keys(keys, signed.header, adopt=True)
    opened = open_image(place, signed, target, house.manifest_key(image_keys))
    return _Work(ctx, restore, keys, target, opened)


def _copy_content(work: _Work) -> int:
    """Packs back into the store, every chunk authenticated; how many chunks the store then holds."""
    states = Restore.State
    with house.rows():
        swap(
            work.restore,
            "state",
            [states.PLANNED, states.COPYING, states.LOADING, states.SWITCHING],
            states.COPYING,
        )
    with house.open_store() as (store, _):
        missing = [pack for pack in work.manifest.packs if not store.has_pack(pack.digest)]
        require_fit(sum(pack.size for pack in missing), work.manifest.database_size)
        _copy_packs(work, store)
        for recipe in work.manifest.recipes:
            work.ctx.check()
            store.adopt_recipe(recipe, tenant=work.manifest.tenant)
        return store.statistics().chunks


def _copy_packs(work: _Work, store: Store) -> None:
    total, done = sum(pack.size for pack in work.manifest.packs), 0
    waiting = iter(work.manifest.packs)
    with ThreadPoolExecutor(COPIERS, thread_name_prefix="restore") as pool:
        running: dict[Future[None], PackRef] = {}
        try:
            while True:
                for pack in itertools.islice(waiting, COPIERS - len(running)):
                    running[pool.submit(_copy_pack, work, store, pack)] = pack
                if not running:
                    break
                finished, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
                work.ctx.check()
                for future in finished:
                    pack = running.pop(future)
                    future.result()
                    done += pack.size
                    work.ctx.progress("copying content back", done, total)
        finally:
            for future in running:
                future.cancel()


def _copy_pack(work: _Work, store: Store, pack: PackRef) -> None:
    def pieces() -> Iterator[bytes]:
        for piece in work.target.get(pack_name(pack.digest), length=pack.size):
            work.ctx.check()
            yield piece

    found = work.target.stat(pack_name(pack.digest))
    if found is None:
        raise PackMissing(pack=pack.digest)
    if found.size != pack.size:
        raise PackDamaged(pack=pack.digest, size=found.size, wanted=pack.size)
    try:
        ref = store.adopt_pack(pieces(), pack.digest, size=pack.size, tenants=(work.manifest.tenant,))
    except content.PackDamaged as refusal:
        raise PackDamaged(**refusal.facts) from refusal
    if ref.data_key != pack.data_key:
        raise PackDamaged(pack=pack.digest, why="sealed under another key than the manifest says")


def _load_database(work: _Work) -> tuple[generations.Generation, Loaded]:
    """The database stream into a scratch database of its own, checked against the manifest."""
    states = Restore.State
    for orphan in generations.orphans():  # what a killed attempt left; only one restore runs
        generations.remove(orphan)
    generation = generations.new_generation()
    with house.rows():
        swap(work.restore, "state", [states.COPYING], states.LOADING, generation=generation.name)
    ctx, recipe = work.ctx, work.manifest.database

    def watch(rows: int) -> None:
        ctx.check()
        ctx.progress("loading the database", rows, None, unit="rows")

    with house.open_store() as (store, _), generations.scratch(generation) as alias:
        pieces = store.iter_read(recipe, tenant=work.manifest.tenant)
        loaded = load_stream(io.BufferedReader(_Pieces(pieces), 1 << 20), alias, watch=watch)
        restored = {item.recipe for item in objects_in(alias)}
    lost = restored - {item.recipe for item in work.manifest.objects}
    if lost:
        raise StreamInconsistent(why="the database names content that is not in the image", objects=len(lost))
    return generation, loaded


class _Pieces(io.RawIOBase):
    """An iterator of bytes as a readable file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


def _switch(work: _Work, generation: generations.Generation, loaded: Loaded, chunks: int) -> None:
    states = Restore.State
    work.ctx.progress("switching over", 0, None)
    work.ctx.flush()
    work.ctx.check()
    header = work.opened.header
    counts = {
        "rows": loaded.rows,
        "objects": len(work.manifest.objects),
        "content_bytes": header.content_bytes,
        "packs": len(work.manifest.packs),
        "chunks": chunks,
        "header": work.opened.signed.digest,
        "sequence": header.chain.sequence,
        "made_at": header.made_at,
    }
    with house.rows():
        swap(work.restore, "state", [states.LOADING], states.SWITCHING)
    restore, actor = work.restore, work.ctx.actor
    try:
        generations.switch_database(
            generation,
            lambda live, scratch: merge(live, scratch, restore=restore, counts=counts, actor=actor),
        )
    except GateBusy as refusal:
        raise WritersBusy(**refusal.facts) from refusal


def _finish(restore: Restore) -> dict[str, Any]:
    """After the switch: the database that was is removed. Idempotent."""
    for orphan in generations.orphans():
        generations.remove(orphan)
    counts = {name: restore.counts.get(name) for name in ("objects", "content_bytes", "packs", "chunks")}
    return {"restore": str(restore.pk), "image": str(restore.image_id), **counts}


def _give_up(ctx: JobContext, restore: Restore, reason: BaseException) -> None:
    """Before the switch everything can be thrown away: the unit is again what it was."""
    states = Restore.State
    cancelled = isinstance(reason, JobCancelled)
    if isinstance(reason, Refusal):
        problem: dict[str, Any] = reason.as_dict()
    else:
        problem = {"code": "recovery.cancelled" if cancelled else "recovery.failed", "title": "", "facts": {}}
    with house.rows(), transaction.atomic():
        moved = swap(
            restore,
            "state",
            list(Restore.RUNNING),
            states.CANCELLED if cancelled else states.FAILED,
            problem=problem,
            finished_at=timezone.now(),
        )
        if not moved:
            return
        back = restore.unit_state_before or Unit.State.KEYED
        if unit().state == Unit.State.RESTORING:
            move_unit(
                actor=ctx.actor, to=back, expected=Unit.State.RESTORING, why="restore ended without a switch"
            )
        record(
            "recovery.restore-ended",
            actor=ctx.actor,
            subject=f"backup-image:{restore.image_id}",
            facts=problem,
            outcome="done" if cancelled else "refused",
        )
    for orphan in generations.orphans():
        generations.remove(orphan)
    if isinstance(reason, TargetRefusal):
        with house.rows():
            image = BackupImage.objects.select_related("target").filter(pk=restore.image_id).first()
            if image is not None:
                house.note_state(image.target, reason)
