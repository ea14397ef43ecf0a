"""Writing one image onto a target.

docs/formats/repository.md §4: packs durable, then values, pack list, manifest, then the header under its
final name. The header commits the image; whatever stops before it leaves no image, and the next attempt finds
the packs that were sent. Content was sealed when it entered the unit: nothing here opens it, and nothing that
is not sealed or public leaves (`_guard_pack`, `_guard_clear`).
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from appliance.backup.engine import repository
from appliance.backup.engine.repository import Place
from appliance.backup.engine.side_by_side import side_by_side
from appliance.backup.errors import InTheClear, ObjectCorrupt, SelfTestFailed, StoreDamaged
from appliance.backup.targets import Target
from appliance.keys.client import ImageWrapping
from sealing.content import manifest as manifests
from sealing.content.header import ChainLink, FileRef, ImageHeader
from sealing.content.ids import MIB
from sealing.content.keys import HeldKeys, SealingKey
from sealing.content.manifest import ImageManifest, PackRef
from sealing.content.pack import MAGIC, PackReader
from sealing.documents import image_header
from sealing.documents.image_header import SignedHeader
from sealing.errors import Refused
from sealing.jose import Signer
from sealing.trust import Trust

Progress = Callable[[str, int, int], object]  # phase, done, total (bytes)
Check = Callable[[], object]  # raises to cancel

SENDERS: Final = 4  # threads; each holds one piece of a pack in memory
FEW_PACKS: Final = 64  # so many are asked for one by one; a listing may hold packs of many other images


class PackSource(Protocol):
    """Where sealed packs come from: the unit's store."""

    def pack_path(self, digest: str) -> Path: ...


@dataclass(frozen=True, slots=True)
class Draft:
    """What an image is to say, before its packs are on the target."""

    place: Place
    manifest: ImageManifest
    wrapping: ImageWrapping
    link: ChainLink
    serial: str
    customer: str
    appliance: str
    started_at: int
    migrations: dict[str, str]
    release: str


@dataclass(slots=True)
class Sent:
    """What was sent for an image, and what was there already."""

    new: list[str] = field(default_factory=list)
    new_bytes: int = 0
    there_bytes: int = 0


def send_packs(
    packs: Iterable[PackRef],
    source: PackSource,
    keys: HeldKeys,
    target: Target,
    progress: Progress,
    check: Check,
) -> Sent:
    """Copy sealed packs that are not on the target, each compared with its digest on the way.

    A few at a time: while some wait for the disk or the network, others are read and hashed.
    """
    packs = list(packs)
    total, sent = sum(pack.size for pack in packs), Sent()

    def send(pack: PackRef) -> bool:
        return _send_pack(pack, source, keys, target, check)

    there = _listed(target, packs)
    missing = [pack for pack in packs if pack.digest not in there]
    sent.there_bytes = total - sum(pack.size for pack in missing)
    for pack, fresh in side_by_side(send, missing, check, workers=SENDERS):
        if fresh:
            sent.new.append(pack.digest)
            sent.new_bytes += pack.size
        else:
            sent.there_bytes += pack.size
        progress("sending packs", sent.new_bytes + sent.there_bytes, total)
    sent.new.sort()
    return sent


def lacking(packs: Iterable[PackRef], target: Target, check: Check) -> list[PackRef]:
    """Those of the packs that are not on the target. Nothing is read or sent."""
    packs = list(packs)
    there, found = _listed(target, packs), []
    for pack in packs:
        check()
        name = repository.pack_name(pack.digest)
        if pack.digest not in there and not target.already(
            name, target.stat(name), digest=pack.digest, size=pack.size
        ):
            found.append(pack)
    return found


def _listed(target: Target, packs: list[PackRef]) -> set[str]:
    """Those of the packs that a listing of the target shows with their sizes: one question instead of one for
    each. What it does not show may be there all the same, and is asked for by name."""
    if len(packs) <= FEW_PACKS:
        return set()
    wanted = {repository.pack_name(pack.digest): pack for pack in packs}
    found = set()
    for stat in target.list("packs/"):
        pack = wanted.get(stat.name)
        if pack is not None and pack.size == stat.size:
            found.add(pack.digest)
    return found


def _send_pack(pack: PackRef, source: PackSource, keys: HeldKeys, target: Target, check: Check) -> bool:
    """True if it was sent, False if it was there. Nothing that is there is read or opened again."""
    name = repository.pack_name(pack.digest)
    if target.already(name, target.stat(name), digest=pack.digest, size=pack.size):
        return False
    path = source.pack_path(pack.digest)
    _guard_pack(path, pack, keys)
    try:
        return target.put(name, _pieces(path, check), digest=pack.digest, size=pack.size)
    except ObjectCorrupt:
        # The target compares every byte with the digest. Who altered them: the store, or the way?
        if _digest_of(path, check) != pack.digest:
            raise StoreDamaged(pack=pack.digest) from None
        raise


def _pieces(path: Path, check: Check) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while piece := file.read(MIB):
            check()
            yield piece


def _digest_of(path: Path, check: Check) -> str:
    found = hashlib.sha256()
    for piece in _pieces(path, check):
        found.update(piece)
    return found.hexdigest()


def _guard_pack(path: Path, pack: PackRef, keys: HeldKeys) -> None:
    """Never in clear: what is about to leave is a pack that commits to a data key of this unit.

    Its sealed tail and footer open under that key, so it is no file that only begins like a pack.
    """
    try:
        with path.open("rb", buffering=0) as file:

            def read_at(offset: int, length: int) -> bytes:
                file.seek(offset)
                return file.read(length)

            reader = PackReader(read_at, path.stat().st_size, keys.opening_key)
            reader.entries()
    except OSError as error:
        raise StoreDamaged(pack=pack.digest, why="it cannot be read") from error
    except Refused as error:
        if _starts_sealed(path):
            raise StoreDamaged(pack=pack.digest, why=error.reason) from error
        raise InTheClear(what="pack", name=pack.digest) from error


def _starts_sealed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def write_image(
    draft: Draft, target: Target, signer: Callable[[], Signer], trust: Trust, check: Check
) -> SignedHeader:
    """Write everything that follows the packs, the header last. Its packs lie durably on the target."""
    packs = draft.manifest.packs
    listing = repository.encode_pack_list(draft.place.image, [(pack.digest, pack.size) for pack in packs])
    key = SealingKey(draft.wrapping.image_key_id, draft.wrapping.image_key)
    sealed = manifests.seal_manifest(draft.manifest, key)
    header = ImageHeader(
        image=str(draft.place.image),
        serial=draft.serial,
        customer=draft.customer,
        appliance=draft.appliance,
        made_at=int(time.time()),
        started_at=draft.started_at,
        key_id=draft.wrapping.key_id,
        epoch=draft.wrapping.epoch,
        values=draft.wrapping.values,
        wrapped=dict(draft.wrapping.wrapped),
        proof=dict(draft.wrapping.proof),
        manifest=FileRef.of(sealed),
        pack_list=FileRef.of(listing),
        packs=len(packs),
        objects=len(draft.manifest.objects),
        content_bytes=draft.manifest.database_size + sum(item.size for item in draft.manifest.objects),
        stored_bytes=sum(pack.size for pack in packs),
        migrations=draft.migrations,
        release=draft.release,
        chain=draft.link,
    )
    text = image_header.issue(header, signer())
    signed = image_header.read(text, trust)  # what we sign, every reader must be able to read
    _guard_clear(draft.manifest, text, listing)
    check()
    for value in draft.wrapping.values:
        target.put_bytes(repository.value_name(draft.wrapping.key_id, value), value.encode())
    _put_fresh(target, draft.place.packs, listing)
    _put_fresh(target, draft.place.manifest, sealed)
    check()
    target.put_bytes(draft.place.header, text.encode())  # from here on the image exists
    return signed


def _put_fresh(target: Target, name: str, data: bytes) -> None:
    """Put an object of an image that has no header yet: what an earlier attempt left there gives way."""
    found = target.stat(name)
    if found is not None and (found.size != len(data) or target.get_bytes(name, limit=found.size) != data):
        target.delete(name)
    target.put_bytes(name, data)


def _guard_clear(manifest: ImageManifest, *public: str | bytes) -> None:
    """No name of an object stands in what lies in clear on the target."""
    texts = [part.encode() if isinstance(part, str) else part for part in public]
    for item in manifest.objects:
        name = item.name.encode()
        if len(name) >= 8 and any(name in text for text in texts):
            raise InTheClear(what="name", object=item.id)


def self_test(draft: Draft, signed: SignedHeader, sent: Sent, target: Target, check: Check) -> None:
    """Read the finished image back: header, list and manifest whole, every pack there with its size, and the
    packs that were sent for it byte by byte, unless the target has done so before it named them. Raises
    `SelfTestFailed`, naming what differs."""
    header, place = signed.header, draft.place
    key = SealingKey(draft.wrapping.image_key_id, draft.wrapping.image_key)
    problems: list[str] = []
    listing = target.get_bytes(place.packs, limit=repository.PACK_LIST_BYTES)
    sealed = target.get_bytes(place.manifest, limit=repository.MANIFEST_BYTES)
    text = target.get_bytes(place.header, limit=len(signed.text.encode()))
    try:
        header.pack_list.check(listing, "pack list")
        header.manifest.check(sealed, "manifest")
        opened = manifests.open_manifest(sealed, key)
        if {(p.digest, p.size) for p in opened.packs} != set(
            repository.decode_pack_list(listing, uuid.UUID(header.image)).items()
        ):
            problems.append("the manifest and the list name different packs")
    except Refused as error:
        raise SelfTestFailed(why=str(error)) from error
    if text.decode("ascii", "replace") != signed.text:
        problems.append("the header reads back differently")
    unread = set() if target.reads_back else set(sent.new)

    def look(pack: PackRef) -> str:
        name = repository.pack_name(pack.digest)
        found = target.stat(name)
        if found is None or found.size != pack.size:
            return f"pack {pack.digest} is missing or short"
        if pack.digest in unread and _digest_on(target, name, check) != pack.digest:
            return f"pack {pack.digest} reads back differently"
        return ""

    there = _listed(target, list(opened.packs)) - unread
    doubtful = [pack for pack in opened.packs if pack.digest not in there]
    problems += sorted(said for _, said in side_by_side(look, doubtful, check) if said)
    if problems:
        raise SelfTestFailed(problems=problems[:20])


def _digest_on(target: Target, name: str, check: Check) -> str:
    found = hashlib.sha256()
    for piece in target.get(name):
        check()
        found.update(piece)
    return found.hexdigest()


def discard(place: Place, target: Target) -> None:
    """Remove what an image without a header left; never touches one that has a header."""
    if target.stat(place.header) is not None:
        return
    for name in (place.manifest, place.packs):
        target.delete(name)
