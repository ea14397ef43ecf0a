"""Is an image on its target whole? Against digests, which needs no key, or with every chunk opened.

Definite evidence only makes an image *damaged*: an object that is missing, or bytes that are not those named.
Storage that does not answer proves nothing, and leaves the image as it was.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from appliance.backup.engine import house, repository
from appliance.backup.engine.repository import Place, pack_name
from appliance.backup.errors import (
    ContentDamaged,
    HeaderMissing,
    ImageForged,
    ImageMisplaced,
    ImageNotUsable,
    ImageRefusal,
    ManifestDamaged,
    ObjectCorrupt,
    ObjectMissing,
    PackDamaged,
    PackListDamaged,
    PackMissing,
)
from appliance.backup.models import BackupImage
from appliance.backup.targets import Target
from audit.log import record
from ground.refusals import Missing
from jobs.handlers import JobContext
from sealing.content import manifest as manifests
from sealing.content.header import MAX_TEXT_BYTES, FileRef, ImageHeader
from sealing.content.ids import ChunkNamer, ChunkType
from sealing.content.keys import HeldKeys, SealingKey
from sealing.content.manifest import ImageManifest, PackRef
from sealing.content.pack import PACK_BYTES, ChunkDecoder, PackReader
from sealing.content.recipe import RecipeReader
from sealing.documents import image_header
from sealing.documents.image_header import SignedHeader
from sealing.errors import BindingRefused, Refused
from sealing.trust import Trust

Progress = Callable[[str, int, int], object]
Check = Callable[[], object]


STORAGE_DAMAGE = [
    refusal.code for refusal in (HeaderMissing, PackMissing, PackDamaged, PackListDamaged, ManifestDamaged)
]


@dataclass(frozen=True, slots=True)
class Opened:
    """An image whose header, pack list and (with keys) manifest were read and agree."""

    place: Place
    signed: SignedHeader
    packs: dict[str, int]  # size by digest
    manifest: ImageManifest | None

    @property
    def header(self) -> ImageHeader:
        return self.signed.header


def read_header(place: Place, target: Target, trust: Trust) -> SignedHeader:
    """The header of a place, verified."""
    try:
        text = target.get_bytes(place.header, limit=MAX_TEXT_BYTES).decode("ascii")
        signed = image_header.read(text, trust)
    except ObjectMissing as error:
        raise HeaderMissing(image=str(place.image)) from error
    except (Refused, UnicodeDecodeError) as error:
        raise ImageForged(image=str(place.image), reason=getattr(error, "reason", "ascii")) from error
    if signed.header.image != str(place.image) or signed.header.chain.sequence != place.sequence:
        raise ImageMisplaced(image=str(place.image))
    return signed


def open_image(place: Place, signed: SignedHeader, target: Target, key: SealingKey | None) -> Opened:
    """Read the pack list and, with its key, the sealed manifest; both against the signed header, and against
    each other."""
    header = signed.header
    listing = _file(target, place.packs, header.pack_list, PackListDamaged, repository.PACK_LIST_BYTES)
    packs = repository.decode_pack_list(listing, place.image)
    sealed = _file(target, place.manifest, header.manifest, ManifestDamaged, repository.MANIFEST_BYTES)
    if len(packs) != header.packs or sum(packs.values()) != header.stored_bytes:
        raise PackListDamaged(image=header.image, why="it does not add up to what the header says")
    if key is None:
        return Opened(place, signed, packs, None)
    try:
        manifest = manifests.open_manifest(sealed, key)
    except Refused as error:
        raise ManifestDamaged(image=header.image, reason=error.code) from error
    if manifest.image_id != header.image or {p.digest: p.size for p in manifest.packs} != packs:
        raise ManifestDamaged(image=header.image, why="it speaks of another image or other packs")
    return Opened(place, signed, packs, manifest)


def _file(target: Target, name: str, ref: FileRef, refusal: type[ImageRefusal], limit: int) -> bytes:
    try:
        data = target.get_bytes(name, limit=min(limit, ref.size))
        ref.check(data, name.rsplit("/", 1)[-1])
    except (ObjectMissing, ObjectCorrupt) as error:
        raise refusal(name=name, why=error.title) from error
    except Refused as error:
        raise refusal(name=name, why=error.message) from error
    return data


def fetch_pack(target: Target, digest: str, size: int, check: Check) -> bytes:
    """A whole pack from the target, compared with its digest."""
    name = pack_name(digest)
    found = target.stat(name)
    if found is None:
        raise PackMissing(pack=digest)
    if found.size != size or size > PACK_BYTES:
        raise PackDamaged(pack=digest, why="another size", size=found.size, wanted=size)
    data, have = bytearray(), hashlib.sha256()
    try:
        for piece in target.get(name, length=size):
            check()
            have.update(piece)
            data += piece
    except ObjectMissing as error:
        raise PackMissing(pack=digest) from error
    except ObjectCorrupt as error:
        raise PackDamaged(pack=digest, why="it breaks off") from error
    if have.hexdigest() != digest:
        raise PackDamaged(pack=digest, why="other bytes")
    return bytes(data)


def check_storage(opened: Opened, target: Target, progress: Progress, check: Check) -> None:
    """Every pack against its digest; needs no key."""
    done, total = 0, sum(opened.packs.values())
    for digest, size in sorted(opened.packs.items()):
        check()
        fetch_pack(target, digest, size, check)
        done += size
        progress("checking packs", done, total)


class ChunkMap:
    """Ids of all chunks of an image, and the content of its metadata chunks."""

    def __init__(self) -> None:
        self.lengths: dict[bytes, int] = {}
        self.metadata: dict[tuple[ChunkType, bytes], bytes] = {}

    def fetch(self, kind: ChunkType, chunk_id: bytes) -> bytes:
        try:
            return self.metadata[kind, chunk_id]
        except KeyError:
            raise ContentDamaged(why="a recipe's page is in none of the image's packs") from None


def check_content(opened: Opened, keys: HeldKeys, target: Target, progress: Progress, check: Check) -> int:
    """Open every chunk of every pack, compare it with its id, and walk every recipe; how many chunks."""
    manifest = opened.manifest
    assert manifest is not None
    chunks, decoder, done = ChunkMap(), ChunkDecoder(), 0
    namers = [ChunkNamer(key) for key in keys.id_keys(manifest.tenant)]
    total = sum(pack.size for pack in manifest.packs)
    for pack in manifest.packs:
        check()
        data = fetch_pack(target, pack.digest, pack.size, check)
        _open_pack(pack, data, keys, namers, decoder, chunks)
        done += pack.size
        progress("opening every chunk", done, total)
    for recipe in manifest.recipes:
        check()
        _walk(recipe, chunks)
    return len(chunks.lengths)


def _open_pack(
    pack: PackRef,
    data: bytes,
    keys: HeldKeys,
    namers: list[ChunkNamer],
    decoder: ChunkDecoder,
    chunks: ChunkMap,
) -> None:
    try:
        reader = PackReader(lambda at, length: data[at : at + length], len(data), keys.opening_key)
        if reader.key_id != pack.data_key:
            raise BindingRefused("data-key", "the manifest names another data key for this pack")
        for entry in reader.check_all(namers, decoder):
            chunks.lengths[entry.id] = entry.length
            if entry.kind is not ChunkType.CONTENT:
                chunks.metadata[entry.kind, entry.id] = bytes(reader.open_chunk(entry, decoder))
    except Refused as error:
        raise ContentDamaged(pack=pack.digest, reason=error.code) from error


def _walk(recipe: str, chunks: ChunkMap) -> None:
    """Every chunk that the object needs is there, with the length the recipe gives it."""
    try:
        for extent in RecipeReader(chunks.fetch, bytes.fromhex(recipe)).extents():
            if extent.id is not None and chunks.lengths.get(extent.id) != extent.length:
                raise ContentDamaged(recipe=recipe, why="a chunk is in none of the image's packs")
    except (Refused, ValueError) as error:
        raise ContentDamaged(recipe=recipe, reason=getattr(error, "code", "recipe")) from error


def verify(ctx: JobContext) -> dict[str, Any]:
    """The handler of `backup.verify`. Damage ends the job as a refusal that says what and where; the row
    keeps it."""
    depth = ctx.params["depth"]
    with house.rows():
        image = BackupImage.objects.select_related("target").filter(pk=ctx.params["image"]).first()
    if image is None:
        raise Missing(image=str(ctx.params["image"]))
    if image.state not in BackupImage.USABLE:
        raise ImageNotUsable(image=str(image.pk), state=image.state)
    keys = house.key_process()
    trust = house.trust_of(keys.status())
    target, _ = house.open_checked(image.target, customer=image.customer_id, write=False)
    place = Place(image.chain, image.sequence, image.pk)
    chunks = None
    try:
        signed = read_header(place, target, trust)
        if signed.text != image.header:
            raise ImageMisplaced(image=str(image.pk), why="another header than the one known here")
        if depth == "full":
            image_keys = house.image_keys(keys, signed.header)
            opened = open_image(place, signed, target, house.manifest_key(image_keys))
            held = house.held_by_image(image_keys)
            chunks = check_content(opened, held, target, ctx.progress, ctx.check)
        else:
            opened = open_image(place, signed, target, None)
            check_storage(opened, target, ctx.progress, ctx.check)
    except ImageRefusal as refusal:
        _note(ctx, image, refusal, depth)
        raise
    _note(ctx, image, None, depth)
    return {"image": str(image.pk), "depth": depth, "packs": len(opened.packs), "chunks": chunks}


def _note(ctx: JobContext, image: BackupImage, refusal: ImageRefusal | None, depth: str) -> None:
    """Write the outcome. A check of digests never makes an image *verified*; it clears damage only back to
    "not yet verified", and only damage that it can see."""
    now = timezone.now()
    states = BackupImage.State
    rows = BackupImage.objects.filter(pk=image.pk, state__in=BackupImage.USABLE)
    with house.rows(), transaction.atomic():
        if refusal is not None:
            rows.update(state=states.DAMAGED, problem=refusal.as_dict(), checked_at=now)
        elif depth == "full":
            rows.update(state=states.VERIFIED, problem=None, checked_at=now, verified_at=now)
        else:
            storage = rows.filter(state=states.DAMAGED, problem__code__in=STORAGE_DAMAGE)
            storage.update(state=states.COMMITTED, problem=None)
            rows.update(checked_at=now)
        record(
            "backup.verified" if refusal is None else "backup.damaged",
            actor=ctx.actor,
            subject=f"backup-image:{image.pk}",
            facts={"depth": depth, **(refusal.as_dict() if refusal else {})},
            outcome="done" if refusal is None else "refused",
        )


def place_of(image: BackupImage) -> Place:
    """Where an image's row says that it lies."""
    return Place(image.chain, image.sequence, uuid.UUID(str(image.pk)))
