"""Packs on a target that no image needs any more: whole-dead packs go, all others stay as they are.

docs/adr/019-whole-packs-only.md. What no pack list of any chain names is *loose*. Packs of an image that this
unit just deleted may go at once (it is the only writer of its chain, and nothing of it is being written while
this runs). Any other loose pack was perhaps sent for an image that has no list yet: it goes when it is still
loose `SETTLED` after it was first seen so. While another unit's chain may grow on this target, none go.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Container, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from appliance.backup.engine import house, repository
from appliance.backup.engine.repository import Place, decode_pack_list, pack_name
from appliance.backup.errors import ImageRefusal, TargetRefusal
from appliance.backup.models import BackupImage, BackupTarget, LoosePack
from appliance.backup.targets import Target
from appliance.unit.selectors import unit
from audit.log import record
from sealing.content.header import MAX_TEXT_BYTES
from sealing.documents import image_header
from sealing.documents.image_header import SignedHeader
from sealing.errors import Refused
from sealing.trust import Trust

if TYPE_CHECKING:
    from appliance.backup.engine.erase import Work

SETTLED = dt.timedelta(days=1)  # longer than any backup is between its first pack and its list
_PACK = re.compile(r"packs/[0-9a-f]{2}/([0-9a-f]{64})\.pack\Z")
_LIST = re.compile(r"(chains/[0-9a-f]{64}/[0-9]{10}-[0-9a-f]{32})/(header\.jws|packs\.json)\Z")


class KeepAll(Exception):
    """Why no pack may be collected now."""


def note_packs(row: BackupTarget, target: Target, signed: SignedHeader | None, place: Place) -> None:
    """Before an image's list goes: remember its packs, so that a run that is killed next still knows them
    for packs of a deleted image. Those that other images need are not loose, and stay."""
    if signed is None or target.stat(place.packs) is None:
        return
    data = target.get_bytes(place.packs, limit=repository.PACK_LIST_BYTES)
    try:
        signed.header.pack_list.check(data, "pack list")
        packs = decode_pack_list(data, place.image)
    except (Refused, ImageRefusal):
        return  # a damaged list says nothing: its packs become loose like any other
    long_ago = timezone.now() - SETTLED
    with house.rows(), transaction.atomic():
        LoosePack.objects.bulk_create(
            [
                LoosePack(target=row, digest=digest, size=size, created_at=long_ago)
                for digest, size in packs.items()
            ],
            ignore_conflicts=True,
        )
        LoosePack.objects.filter(target=row, digest__in=list(packs), created_at__gt=long_ago).update(
            created_at=long_ago
        )


def collect(work: Work) -> dict[str, Any]:
    """Delete what may go; how many, how much, and why not where none may."""
    try:
        live = _live(work.target, work.trust)
        _require_sole_writer(work)
    except KeepAll as reason:
        return {"deleted": 0, "bytes_freed": 0, "waiting": 0, "kept_because": str(reason)}
    loose = _loose(work.target, live)
    with house.rows(), transaction.atomic():
        known = dict(LoosePack.objects.filter(target=work.row).values_list("digest", "created_at"))
        LoosePack.objects.filter(target=work.row, digest__in=[d for d in known if d not in loose]).delete()
        LoosePack.objects.bulk_create(
            LoosePack(target=work.row, digest=digest, size=size)
            for digest, size in loose.items()
            if digest not in known
        )
    before = timezone.now() - SETTLED
    due = {digest: loose[digest] for digest, since in known.items() if digest in loose and since <= before}
    if due:
        with house.rows(), transaction.atomic():
            record(
                "backup.collecting-packs",
                actor=work.ctx.actor,
                subject=f"backup-target:{work.row.pk}",
                facts={"packs": len(due), "bytes": sum(due.values())},
                outcome="intent",
            )
    for done, digest in enumerate(sorted(due), 1):
        work.ctx.check()
        work.target.delete(pack_name(digest))
        work.ctx.progress("deleting packs", done, len(due), "packs")
    with house.rows(), transaction.atomic():
        LoosePack.objects.filter(target=work.row, digest__in=list(due)).delete()
    return {
        "deleted": len(due),
        "bytes_freed": sum(due.values()),
        "waiting": len(loose) - len(due),
        "kept_because": None,
    }


def preview(work: Work, due: Iterable[BackupImage]) -> dict[str, Any]:
    """What a run would free that deletes these images."""
    going = {Place(image.chain, image.sequence, image.pk).directory for image in due}
    try:
        live, all_named = _live(work.target, work.trust, without=going), _live(work.target, work.trust)
        _require_sole_writer(work)
    except KeepAll as reason:
        return {"deleted": 0, "bytes_freed": 0, "waiting": 0, "kept_because": str(reason)}
    freed = {digest: size for digest, size in all_named.items() if digest not in live}
    loose = _loose(work.target, all_named)
    return {
        "deleted": len(freed),
        "bytes_freed": sum(freed.values()),
        "waiting": len(loose),
        "kept_because": None,
    }


def _live(target: Target, trust: Trust, without: Container[str] = ()) -> dict[str, int]:
    """Every pack that any list of any chain names, with its size."""
    live: dict[str, int] = {}
    for packs in lists_on(target, trust, without):
        live.update(packs)
    return live


def lists_on(target: Target, trust: Trust, without: Container[str] = ()) -> Iterator[dict[str, int]]:
    """The pack list of every image of every chain, digest → size. One that is missing or not the one its
    header names stops the collection (`KeepAll`): what it named is not known."""
    directories: dict[str, set[str]] = {}
    for stat in target.list("chains/"):
        match = _LIST.match(stat.name)
        if match and match.group(1) not in without:
            directories.setdefault(match.group(1), set()).add(match.group(2))
    for directory, names in sorted(directories.items()):
        place = Place.of_directory(directory)
        assert place is not None
        try:
            data = target.get_bytes(place.packs, limit=repository.PACK_LIST_BYTES)
            if "header.jws" in names:
                text = target.get_bytes(place.header, limit=MAX_TEXT_BYTES).decode("ascii")
                image_header.read(text, trust).header.pack_list.check(data, "pack list")
            packs = decode_pack_list(data, place.image)
        except (ImageRefusal, TargetRefusal, Refused, UnicodeDecodeError) as error:
            raise KeepAll(f"the pack list in {directory} cannot be relied on") from error
        yield packs


def packs_on(target: Target) -> dict[str, int]:
    """Every pack that lies there, digest → size."""
    matches = ((_PACK.match(stat.name), stat.size) for stat in target.list("packs/"))
    return {match.group(1): size for match, size in matches if match}


def _loose(target: Target, live: dict[str, int]) -> dict[str, int]:
    return {digest: size for digest, size in packs_on(target).items() if digest not in live}


def _require_sole_writer(work: Work) -> None:
    """Chains of the units that this one came after are closed; any other may be growing now."""
    with house.rows():
        rows = work.row.images.exclude(header="")
        images = list(rows.only("chain", "sequence", "header", "link_digest", "serial"))
        replaced = unit().replaces_serial
    links = {image.link_digest: image.chain for image in images}
    parents: dict[str, str] = {}
    for image in images:
        if image.sequence == 1:
            parent = _parent(image, work.trust)
            if parent in links:
                parents[image.chain] = links[parent]
    closed, at = {work.chain}, work.chain
    while parents.get(at) not in (None, *closed):
        at = parents[at]
        closed.add(at)
    closed |= {image.chain for image in images if replaced and image.serial == replaced}
    others = {image.serial for image in images if image.chain not in closed}
    others |= {"unknown"} if _chains(work.target) - closed - {image.chain for image in images} else set()
    if others:
        raise KeepAll(f"another unit may be writing here: {', '.join(sorted(others))}")


def _chains(target: Target) -> set[str]:
    return {stat.name.split("/")[1] for stat in target.list("chains/")}


def _parent(image: BackupImage, trust: Trust) -> str | None:
    try:
        return image_header.read(image.header, trust).header.chain.parent
    except Refused:
        return None


__all__ = ["SETTLED", "KeepAll", "collect", "lists_on", "note_packs", "packs_on", "preview"]
