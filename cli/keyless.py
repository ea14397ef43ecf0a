"""Checking a repository in a directory without any key: what a storage administrator can do.

docs/formats/repository.md. Reads clear headers, deletion records, heads, pack lists and digests; opens
nothing, writes nothing, follows no link. Sound means: every byte an image needs is there as its unit signed
for. What only a key shows (that the sealed content itself is right) only the unit's own verification can say.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from sealing.content.header import MAX_TEXT_BYTES, FileRef
from sealing.documents import deletion_record, image_header
from sealing.documents import head as heads
from sealing.documents.image_header import SignedHeader
from sealing.encoding import from_b64u
from sealing.errors import Refused
from sealing.trust import Trust

MARKER: Final = "strongroom-repository.json"
FILE_BYTES: Final = 64 << 20  # docs/formats/repository.md §5
READ_BYTES: Final = 1 << 20
_CHAIN: Final = re.compile(r"[0-9a-f]{64}\Z")
_IMAGE: Final = re.compile(r"([0-9]{10})-([0-9a-f]{32})\Z")
_PACK: Final = re.compile(r"([0-9a-f]{64})\.pack\Z")


@dataclass(slots=True)
class Checked:
    """One place of a chain: an image, or the record of a deleted one."""

    chain: str
    sequence: int
    state: str = "sound"  # sound | damaged | deleted | unfinished
    serial: str = ""
    image: str = ""
    made_at: int = 0
    link: str = ""
    previous: str | None = None
    packs: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def wrong(self, what: str) -> None:
        self.state = "damaged"
        self.problems.append(what)


def read_root(path: Path) -> bytes:
    """A root certificate file, DER or PEM, as DER."""
    data = path.read_bytes()
    if b"-----BEGIN CERTIFICATE-----" not in data:
        return data
    body = data.split(b"-----BEGIN CERTIFICATE-----")[1].split(b"-----END CERTIFICATE-----")[0]
    return base64.b64decode(b"".join(body.split()), validate=True)


def check(
    root: Path, trust: Trust, *, quick: bool = False, seen: Callable[[int, int], None] = lambda *_: None
) -> dict[str, Any]:
    """Every image of every chain, every pack once. `quick` looks at sizes of packs and does not read them."""
    marker = json.loads(_read(root / MARKER, 4096) or b"null")
    if not isinstance(marker, dict) or marker.get("format") != "strongroom-repository":
        raise FileNotFoundError(f"{root} is no repository: it has no marker")
    places = [
        _check_place(directory, trust, marker)
        for chain in _directories(root / "chains", _CHAIN)
        for directory in _directories(chain, _IMAGE)
    ]
    chains: dict[str, list[Checked]] = {}
    for place in places:
        chains.setdefault(place.chain, []).append(place)
    for chain_places in chains.values():
        _check_links([place for place in chain_places if place.link])
        _check_newest(root, chain_places, trust)
    needed = {digest: size for place in places for digest, size in place.packs.items()}
    bad = _check_packs(root, needed, quick, seen)
    for place in places:
        lost = [f"pack {digest}: {bad[digest]}" for digest in place.packs if digest in bad]
        for problem in lost[:20]:
            place.wrong(problem)
    loose = [digest for digest, _ in _packs(root) if digest not in needed]
    return {
        "repository": marker.get("repository"),
        "customer": marker.get("customer"),
        "sound": all(place.state != "damaged" for place in places),
        "images": [
            {
                "serial": place.serial,
                "sequence": place.sequence,
                "state": place.state,
                "made_at": place.made_at,
                "packs": len(place.packs),
                "image": place.image,
                "problems": place.problems,
            }
            for place in sorted(places, key=lambda p: (p.chain, p.sequence))
        ],
        "packs": len(needed),
        "bytes": sum(needed.values()),
        "packs_read": 0 if quick else len(needed) - len(bad),
        "loose_packs": len(loose),
    }


def _check_place(directory: Path, trust: Trust, marker: dict[str, Any]) -> Checked:
    found = _IMAGE.match(directory.name)
    assert found is not None
    place = Checked(directory.parent.name, int(found.group(1)))
    header, record = directory / "header.jws", directory / "deletion.jws"
    text = _read(header, MAX_TEXT_BYTES)
    if text is None:
        gone = _read(record, deletion_record.FORM.max_bytes)
        if gone is None:
            place.state = "unfinished"  # no header, no record: it never was an image, or the header was lost
        else:
            _check_record(place, gone, trust, found.group(2), marker)
        return place
    try:
        signed = image_header.read(text.decode("ascii"), trust)
    except (Refused, UnicodeDecodeError) as error:
        place.wrong(f"the header does not hold: {getattr(error, 'code', 'not ASCII')}")
        return place
    link = signed.header.chain
    place.serial, place.image = signed.header.serial, signed.header.image
    place.made_at = signed.header.made_at
    if from_b64u(signed.certificate.thumbprint).hex() != place.chain:
        place.wrong("the header was signed by another unit than the chain's")
    elif link.sequence != place.sequence or signed.header.image.replace("-", "") != found.group(2):
        place.wrong("the header belongs to another place")
    elif link.target != marker.get("repository") or signed.header.customer != marker.get("customer"):
        place.wrong("the header belongs to another repository or customer")
    else:
        place.link, place.previous = signed.link_digest, link.previous
        _check_files(place, directory, signed)
    return place


def _check_record(place: Checked, data: bytes, trust: Trust, image: str, marker: dict[str, Any]) -> None:
    try:
        record = deletion_record.read(data.decode("ascii"), trust)
    except (Refused, UnicodeDecodeError) as error:
        place.wrong(f"the deletion record does not hold: {getattr(error, 'code', 'not ASCII')}")
        return
    place.serial, place.image, place.made_at = record.serial, record.image, record.made_at
    here = (from_b64u(record.unit.thumbprint).hex(), record.sequence, record.image.replace("-", ""))
    if here != (place.chain, place.sequence, image) or record.target != marker.get("repository"):
        place.wrong("the deletion record belongs to another place")
        return
    place.state, place.link, place.previous = "deleted", record.link, record.previous


def _check_files(place: Checked, directory: Path, signed: SignedHeader) -> None:
    refs: dict[str, FileRef] = {
        "packs.json": signed.header.pack_list,
        "manifest.sealed": signed.header.manifest,
    }
    for name, ref in refs.items():
        data = _read(directory / name, FILE_BYTES)
        try:
            ref.check(b"" if data is None else data, name)
        except Refused:
            place.wrong(f"{name} is {'missing' if data is None else 'not the one the header names'}")
            continue
        if name == "packs.json" and data is not None:
            listed = json.loads(data)["packs"]  # as good as signed
            place.packs = {str(digest): int(size) for digest, size in listed}


def _check_links(places: list[Checked]) -> None:
    places.sort(key=lambda place: place.sequence)
    if places and places[0].sequence != 1:
        places[0].wrong("the images before it are missing, without deletion records")
    for before, after in pairwise(places):
        if after.sequence != before.sequence + 1:
            after.wrong(f"images {before.sequence + 1} to {after.sequence - 1} are missing without records")
        elif after.previous != before.link:
            after.wrong("the image before it was exchanged")


def _check_newest(root: Path, places: list[Checked], trust: Trust) -> None:
    """The signed heads say how far the chain once went."""
    newest = max(places, key=lambda place: (bool(place.link), place.sequence))
    try:
        names = sorted(entry.name for entry in os.scandir(root / "heads" / newest.chain))
    except FileNotFoundError:
        return
    for name in names:
        number = name.removesuffix(".jws")
        if not number.isdecimal() or int(number) <= newest.sequence:
            continue
        text = _read(root / "heads" / newest.chain / name, heads.FORM.max_bytes)
        try:
            head = heads.read((text or b"").decode("ascii"), trust)
        except (Refused, UnicodeDecodeError):
            continue  # no evidence of anything
        if from_b64u(head.unit.thumbprint).hex() == newest.chain and head.sequence > newest.sequence:
            newest.wrong(f"newer images are missing: a signed head names image {head.sequence}")
            return


def _check_packs(
    root: Path, needed: dict[str, int], quick: bool, seen: Callable[[int, int], None]
) -> dict[str, str]:
    """What is wrong with packs, by digest."""
    bad: dict[str, str] = {}
    done, total = 0, sum(needed.values())
    for digest, size in sorted(needed.items()):
        path = root / "packs" / digest[:2] / f"{digest}.pack"
        try:
            with _open(path) as file:
                if os.fstat(file.fileno()).st_size != size:
                    bad[digest] = "another size"
                elif not quick:
                    found = hashlib.sha256()
                    while piece := file.read(READ_BYTES):
                        found.update(piece)
                    if found.hexdigest() != digest:
                        bad[digest] = "other bytes"
        except FileNotFoundError:
            bad[digest] = "missing"
        except OSError as error:
            bad[digest] = f"cannot be read: {error.strerror}"
        done += size
        seen(done, total)
    return bad


def _packs(root: Path) -> Iterator[tuple[str, Path]]:
    for fan in _directories(root / "packs", re.compile(r"[0-9a-f]{2}\Z")):
        for entry in os.scandir(fan):
            match = _PACK.match(entry.name)
            if match and entry.is_file(follow_symlinks=False):
                yield match.group(1), Path(entry.path)


def _directories(parent: Path, name: re.Pattern[str]) -> list[Path]:
    try:
        entries = sorted(os.scandir(parent), key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
    return [Path(e.path) for e in entries if name.match(e.name) and e.is_dir(follow_symlinks=False)]


def _open(path: Path) -> Any:
    """For reading; a link or a device is no object."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb", 0)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(0, "not a regular file")
    return file


def _read(path: Path, most: int) -> bytes | None:
    """A whole file of at most so many bytes; a larger one reads as empty, which nothing accepts."""
    try:
        with _open(path) as file:
            data: bytes = file.read(most + 1)
    except OSError:
        return None
    return data if len(data) <= most else b""
