"""One virtual image out of a backup image, into the living catalogue.

Chunks that the store has are used where they lie. Of the image's other packs, the sealed footers are read, by
range, to learn which of them hold a chunk that lacks; those are copied in verbatim, every chunk opened once.
They stay sealed under the data key they were sealed under, which the keyring keeps from then on. Then the
whole object is read back and compared with the digest in the manifest, and only then the catalogue hears of
it.

Cut off anywhere, nothing of the catalogue has changed and packs that were copied are not copied again.
"""

from __future__ import annotations

import hashlib
import shutil
import uuid
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.db import transaction

from appliance.backup.engine import house
from appliance.backup.engine.repository import pack_name
from appliance.backup.errors import ContentDamaged, ObjectCorrupt, ObjectMissing, PackDamaged, PackMissing
from appliance.catalog.models import VirtualImage
from appliance.content import errors as content
from appliance.content.engine.store import Store
from appliance.recovery.engine.listing import KeyedImage, open_keyed
from appliance.recovery.engine.preview import SPARE_BYTES
from appliance.recovery.errors import DoesNotFit, ObjectUnknown
from appliance.recovery.partial_rules import require_living_unit, settle_name
from audit.log import record
from config.site import site
from ground.db.transitions import transition
from jobs.handlers import JobContext
from sealing.content.ids import ChunkType
from sealing.content.keys import HeldKeys
from sealing.content.manifest import ManifestObject, PackRef
from sealing.content.pack import ChunkDecoder, ChunkEntry, PackReader
from sealing.content.recipe import RecipeReader
from sealing.errors import Refused

READERS = 4  # footers read at once: a target far away answers slowly
_PREFIX = 8  # bytes of an id kept for each chunk of each pack; a false match only copies a pack too many
_LOOKUP = 2000

Check = Callable[[], object]
T = TypeVar("T")


def restore_object(ctx: JobContext) -> dict[str, Any]:
    """The handler of `recovery.object`."""
    params, dry_run = ctx.params, bool(ctx.params["dry_run"])
    with house.rows():
        done = VirtualImage.objects.filter(pk=_id_of(ctx)).first()
    if done is not None:  # an earlier attempt was killed after the catalogue knew
        return _result(done, 0, 0, 0)
    keyed = open_keyed(params["image"], adopt=not dry_run)
    item = next((item for item in keyed.manifest.objects if item.id == params["object"]), None)
    if item is None:
        raise ObjectUnknown(object=params["object"], image=params["image"])
    if not dry_run:
        with house.rows():
            _settle(ctx, keyed, item)  # before the first byte is copied, and once more at the end
    with house.open_store() as (store, _):
        ctx.progress("looking for what lacks", 0, None)
        needed = packs_needed(keyed, item, store, ctx.check)
        size, free = sum(pack.size for pack in needed), shutil.disk_usage(site().root).free
        fits = free >= size + SPARE_BYTES
        if dry_run:
            return _told(keyed, item, needed, size, free, fits)
        if not fits:
            raise DoesNotFit(bytes_needed=size + SPARE_BYTES, bytes_free=free)
        _copy(keyed, needed, size, store, ctx)
        tenant = keyed.manifest.tenant
        store.adopt_recipe(item.recipe, tenant=tenant)
        data_size = _read_back(item, store, tenant, ctx)
    return _enter(ctx, keyed, item, needed, size, data_size)


# ---- what lacks --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Footer:
    """What is remembered of a pack that is not in the store."""

    pack: PackRef
    ids: array[int]  # first bytes of every chunk's id
    metadata: dict[bytes, ChunkEntry] = field(default_factory=dict)


def packs_needed(keyed: KeyedImage, item: ManifestObject, store: Store, check: Check) -> list[PackRef]:
    """Packs of the image that hold a chunk of the object which the store does not have."""
    if _is_whole(item, store, keyed.manifest.tenant):
        return []
    absent = [pack for pack in keyed.manifest.packs if not store.has_pack(pack.digest)]
    source = _Packs(keyed)
    footers = list(source.footers(absent, check))
    needed: set[int] = set()
    wanted: dict[bytes, None] = {bytes.fromhex(item.recipe): None}

    def fetch(kind: ChunkType, chunk_id: bytes) -> bytes:
        wanted[chunk_id] = None
        found = store.metadata(kind, chunk_id, tenant=keyed.manifest.tenant)
        if found is not None:
            return found
        for footer in footers:
            entry = footer.metadata.get(chunk_id)
            if entry is not None and entry.kind is kind:
                return source.open(footer.pack, entry)
        raise ContentDamaged(recipe=item.recipe, why="a page of the recipe is in none of the packs")

    try:
        recipe = RecipeReader(fetch, bytes.fromhex(item.recipe))
        for extent in recipe.extents():
            if extent.id is not None:
                wanted[extent.id] = None
            if len(wanted) >= _LOOKUP:
                check()
                needed |= _lacking(wanted, store)
                wanted.clear()
        needed |= _lacking(wanted, store)
    except Refused as error:
        raise ContentDamaged(recipe=item.recipe, reason=error.code) from error
    return [footer.pack for footer in footers if not needed.isdisjoint(footer.ids)]


def _is_whole(item: ManifestObject, store: Store, tenant: str) -> bool:
    """Every chunk of the object is in the store already: then no footer has to be read."""
    try:
        store.adopt_recipe(item.recipe, tenant=tenant)
    except (content.RecipeUnknown, content.ContentIncomplete):
        return False
    return True


def _lacking(wanted: dict[bytes, None], store: Store) -> set[int]:
    there = store.holds(list(wanted))
    return {_prefix(chunk_id) for chunk_id in wanted if chunk_id not in there}


def _prefix(chunk_id: bytes) -> int:
    return int.from_bytes(chunk_id[:_PREFIX], "big")


class _Packs:
    """The image's packs on its target, read by range."""

    def __init__(self, keyed: KeyedImage) -> None:
        self._target = keyed.target
        self._held: HeldKeys = house.held_by_image(keyed.keys)

    def footers(self, packs: list[PackRef], check: Check) -> Iterator[_Footer]:
        """In order; a handful is read at once."""
        with ThreadPoolExecutor(READERS, thread_name_prefix="footers") as pool:
            for start in range(0, len(packs), READERS * 4):
                check()
                yield from pool.map(self._footer, packs[start : start + READERS * 4])

    def open(self, pack: PackRef, entry: ChunkEntry) -> bytes:
        return self._reading(pack, lambda reader: bytes(reader.open_chunk(entry, ChunkDecoder())))

    def _footer(self, pack: PackRef) -> _Footer:
        entries = self._reading(pack, PackReader.entries)
        ids = array("Q", (_prefix(entry.id) for entry in entries))
        metadata = {entry.id: entry for entry in entries if entry.kind is not ChunkType.CONTENT}
        return _Footer(pack, ids, metadata)

    def _reading(self, pack: PackRef, work: Callable[[PackReader], T]) -> T:
        name = pack_name(pack.digest)

        def read_at(offset: int, length: int) -> bytes:
            return b"".join(self._target.get(name, offset=offset, length=length))

        try:
            return work(PackReader(read_at, pack.size, self._held.opening_key))
        except ObjectMissing as error:
            raise PackMissing(pack=pack.digest) from error
        except (ObjectCorrupt, Refused) as error:
            raise PackDamaged(pack=pack.digest, reason=error.code) from error


# ---- in ----------------------------------------------------------------------------------------------------


def _copy(keyed: KeyedImage, needed: list[PackRef], size: int, store: Store, ctx: JobContext) -> None:
    done = 0
    for pack in needed:
        ctx.check()
        try:
            ref = store.adopt_pack(
                _pieces(keyed, pack, ctx.check),
                pack.digest,
                size=pack.size,
                tenants=(keyed.manifest.tenant,),
            )
        except content.PackDamaged as refusal:
            raise PackDamaged(**refusal.facts) from refusal
        if ref.data_key != pack.data_key:
            raise PackDamaged(pack=pack.digest, why="sealed under another key than the manifest says")
        done += pack.size
        ctx.progress("copying packs", done, size)


def _pieces(keyed: KeyedImage, pack: PackRef, check: Check) -> Iterator[bytes]:
    try:
        for piece in keyed.target.get(pack_name(pack.digest), length=pack.size):
            check()
            yield piece
    except ObjectMissing as error:
        raise PackMissing(pack=pack.digest) from error
    except ObjectCorrupt as error:
        raise PackDamaged(pack=pack.digest, why="it breaks off") from error


def _read_back(item: ManifestObject, store: Store, tenant: str, ctx: JobContext) -> int:
    """Every byte once, from the store: what the catalogue is told is there, is there."""
    found, done = hashlib.sha256(), 0
    for piece in store.iter_read(item.recipe, tenant=tenant):
        ctx.check()
        found.update(piece)
        done += len(piece)
        ctx.progress("reading it back", done, item.size)
    if done != item.size or (item.sha256 is not None and found.hexdigest() != item.sha256):
        raise ContentDamaged(recipe=item.recipe, why="it is not what the manifest says", size=done)
    return store.data_size_of(item.recipe, tenant=tenant)


def _id_of(ctx: JobContext) -> uuid.UUID:
    """The id of the new virtual image follows from the job's: a second attempt finds the first one's."""
    return uuid.uuid5(ctx.job_id, "virtual-image")


def _settle(ctx: JobContext, keyed: KeyedImage, item: ManifestObject) -> tuple[str, VirtualImage | None]:
    require_living_unit()
    replaces = ctx.params["replaces"]
    return settle_name(
        ctx.params["name"] or item.name,
        recipe=item.recipe,
        clash=ctx.params["clash"],
        replaces=uuid.UUID(replaces) if replaces else None,
        made_at=keyed.image.made_at,
    )


def _enter(
    ctx: JobContext,
    keyed: KeyedImage,
    item: ManifestObject,
    needed: list[PackRef],
    copied: int,
    data_size: int,
) -> dict[str, Any]:
    """Tell the catalogue, in one transaction with the event."""
    facts: dict[str, Any] = {
        "size": item.size,
        "data_size": data_size,
        "sha256": item.sha256 or "",
        "new_bytes": copied,
    }
    with house.rows(), transaction.atomic():
        name, old = _settle(ctx, keyed, item)
        if old is not None:
            before = {"recipe": old.recipe, "sha256": old.sha256, "size": old.size}
            transition(old, "recipe", old.recipe, item.recipe, **facts)
            row = old
        else:
            before = {}
            row = VirtualImage.objects.create(
                pk=_id_of(ctx),
                name=name,
                description=_whence(keyed),
                owner=_owner(ctx),
                owner_name=ctx.actor.name[:200],
                source=VirtualImage.Source.BACKUP,
                state=VirtualImage.State.READY,
                recipe=item.recipe,
                **facts,
            )
        record(
            "recovery.object-restored",
            actor=ctx.actor,
            subject=f"virtual-image:{row.pk}",
            facts={
                "image": str(keyed.image.pk),
                "object": item.id,
                "name": name,
                "sha256": item.sha256,
                "replaced": before,
            },
        )
    there = len(keyed.manifest.packs) - len(needed)
    return _result(row, len(needed), there, copied)


def _owner(ctx: JobContext) -> Any:
    if ctx.actor.kind != "user":
        return None
    return get_user_model().objects.filter(pk=ctx.actor.id).first()


def _whence(keyed: KeyedImage) -> str:
    made = keyed.image.made_at
    when = f" of {made:%Y-%m-%d %H:%M} UTC" if made is not None else ""
    return f"Restored from backup image {keyed.image.sequence} of {keyed.image.serial}{when}."


def _result(row: VirtualImage, packs: int, there: int, copied: int) -> dict[str, Any]:
    return {
        "virtual_image": str(row.pk),
        "name": row.name,
        "size": row.size,
        "sha256": row.sha256,
        "packs_copied": packs,
        "packs_there": there,
        "bytes_copied": copied,
    }


def _told(
    keyed: KeyedImage, item: ManifestObject, needed: list[PackRef], size: int, free: int, fits: bool
) -> dict[str, Any]:
    return {
        "object": item.id,
        "name": item.name,
        "size": item.size,
        "sha256": item.sha256,
        "packs_needed": len(needed),
        "packs_there": len(keyed.manifest.packs) - len(needed),
        "bytes_needed": size,
        "bytes_free": free,
        "fits": fits,
    }
