"""What may be believed of the headers found on a target: decisions without any I/O.

docs/formats/repository.md §6. Hostile input: every header may be forged, moved, taken from elsewhere or left
out. `judge` sorts what was found into images and findings, and says how fresh the target is known to be.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal

from appliance.backup.engine.deletions import Deleted
from appliance.backup.engine.repository import Place, chain_name
from appliance.backup.errors import (
    ChainBroken,
    ImageForged,
    ImageMisplaced,
    ImageOfAnother,
    ImageRefusal,
    ImageRolledBack,
)
from sealing.documents import image_header
from sealing.documents.deletion_record import DeletionRecord
from sealing.documents.image_header import SignedHeader
from sealing.errors import Refused
from sealing.trust import Trust

Freshness = Literal["proven", "dated", "rolled-back", "empty"]


@dataclass(frozen=True, slots=True)
class KnownHead:
    """The newest image of a chain that somebody remembers: this unit's rows, or the head in a transfer.

    `chain` is empty where the one who remembers names the signing unit by serial only.
    """

    sequence: int
    made_at: datetime
    serial: str
    chain: str = ""
    digest: str = ""  # document digest of the header, where known
    source: str = "this unit"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something on the target that is not as it should be, as a refusal in words."""

    name: str
    refusal: ImageRefusal

    def as_dict(self) -> dict[str, object]:
        return {"name": self.name, **self.refusal.as_dict()}


@dataclass(frozen=True, slots=True)
class Found:
    """A header that is believed, and where it lies."""

    place: Place
    signed: SignedHeader


@dataclass(slots=True)
class Judgement:
    """Images in order of chain and sequence, findings, and how fresh the whole target is known to be."""

    images: list[Found] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    freshness: Freshness = "empty"
    fresh_to: datetime | None = None


def judge(
    headers: Iterable[tuple[Place, str]],
    *,
    trust: Trust,
    repository: uuid.UUID,
    customer: uuid.UUID,
    known: Iterable[KnownHead],
    deleted: Deleted | None = None,
) -> Judgement:
    """Judge all headers of a target at once.

    `headers` are places with texts, `known` the newest heads remembered, `deleted` the verified deletion
    records of each chain by sequence: they carry the links of the headers they stand for.
    """
    result = Judgement()
    for place, text in headers:
        try:
            result.images.append(Found(place, _believe(place, text, trust, repository, customer)))
        except ImageRefusal as refusal:
            result.findings.append(Finding(place.header, refusal))
    _refuse_doubles(result)
    result.images.sort(key=lambda found: (found.place.chain, found.place.sequence))
    for chain in sorted({found.place.chain for found in result.images}):
        gone = (deleted or {}).get(chain, {})
        result.findings += _broken_links([f for f in result.images if f.place.chain == chain], gone)
    _judge_freshness(result, list(known))
    return result


def _believe(
    place: Place, text: str, trust: Trust, repository: uuid.UUID, customer: uuid.UUID
) -> SignedHeader:
    # 1. Signed by a unit under the pinned root, and lying in that unit's own chain.
    try:
        signed = image_header.read(text, trust)
    except Refused as error:
        raise ImageForged(layer=error.layer, reason=error.reason) from error
    if chain_name(signed.certificate.thumbprint) != place.chain:
        raise ImageMisplaced(why="it lies in another unit's chain", serial=signed.header.serial)
    # 2. Of this customer; and the image, sequence and repository are those of the place it lies in.
    if signed.header.customer != str(customer):
        raise ImageOfAnother(customer=signed.header.customer, serial=signed.header.serial)
    link = signed.header.chain
    if signed.header.image != str(place.image) or link.sequence != place.sequence:
        raise ImageMisplaced(why="it names another image or sequence than its place", sequence=link.sequence)
    if link.target != str(repository):
        raise ImageMisplaced(why="it was made for another repository", target=link.target)
    return signed


def _refuse_doubles(result: Judgement) -> None:
    """Two believed headers for one place in a chain: a unit signs one, so neither can be relied on."""
    places: dict[tuple[str, int], list[Found]] = {}
    for found in result.images:
        places.setdefault((found.place.chain, found.place.sequence), []).append(found)
    for (_, sequence), doubles in places.items():
        if len(doubles) > 1:
            for found in doubles:
                result.images.remove(found)
                why = "two images claim this sequence"
                result.findings.append(
                    Finding(found.place.header, ImageMisplaced(why=why, sequence=sequence))
                )


@dataclass(frozen=True, slots=True)
class _Link:
    """One place of a chain: a header that is there, or the record of one that was deleted."""

    sequence: int
    name: str
    serial: str
    digest: str  # what the next one names as `previous`
    previous: str | None


def _broken_links(chain: list[Found], gone: Mapping[int, DeletionRecord]) -> list[Finding]:
    """3. Each `previous` is the header before, or that of a header that was deleted with a record."""
    links = {
        sequence: _Link(sequence, f"deletion record {sequence}", record.serial, record.link, record.previous)
        for sequence, record in gone.items()
    }
    for found in chain:
        header, sequence = found.signed.header, found.place.sequence
        links[sequence] = _Link(
            sequence, found.place.header, header.serial, found.signed.link_digest, header.chain.previous
        )
    ordered = [links[sequence] for sequence in sorted(links)]
    findings = []
    for before, after in pairwise(ordered):
        between = list(range(before.sequence + 1, min(after.sequence, before.sequence + 21)))
        if between:
            facts = {"missing": between, "serial": after.serial}
            findings.append(Finding(after.name, ChainBroken(why="images in between are missing", **facts)))
        elif after.previous != before.digest:
            why = "the image before was exchanged"
            findings.append(Finding(after.name, ChainBroken(why=why, sequence=before.sequence)))
    first = ordered[0]
    if first.sequence > 1:
        missing = list(range(1, min(first.sequence, 21)))
        facts = {"missing": missing, "serial": first.serial}
        findings.append(
            Finding(first.name, ChainBroken(why="the first images of the chain are missing", **facts))
        )
    return findings


def _judge_freshness(result: Judgement, known: list[KnownHead]) -> None:
    """4. The newest sequence is not below the newest one known."""
    rolled_back, proven = False, []
    there = {found.signed.digest for found in result.images}
    for head in known:
        if head.digest and head.digest in there:
            proven.append(head.made_at)
            continue
        chain = {
            found.place.sequence
            for found in result.images
            if found.place.chain == head.chain
            or (not head.chain and found.signed.header.serial == head.serial)
        }
        newest = max(chain, default=0)
        exchanged = bool(head.digest) and head.sequence in chain  # there, and with another digest
        if newest < head.sequence or exchanged:
            rolled_back = True
            facts = {
                "serial": head.serial,
                "newest_known": head.sequence,
                "newest_here": newest,
                "known_from": head.source,
                "known_at": head.made_at.isoformat(),
            }
            result.findings.append(Finding(f"chains of {head.serial}", ImageRolledBack(**facts)))
        else:
            proven.append(head.made_at)
    dates = [datetime.fromtimestamp(found.signed.header.made_at, UTC) for found in result.images]
    if rolled_back:
        result.freshness, result.fresh_to = "rolled-back", max(dates, default=None)
    elif proven:
        result.freshness, result.fresh_to = "proven", max(proven)
    elif dates:
        result.freshness, result.fresh_to = "dated", max(dates)
