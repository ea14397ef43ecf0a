"""Evidence that no image needs a key: the signed headers and deletion records of every target.

This process believes documents, not the engine. It checks that each is signed by a unit under the pinned
root, that no header names the key, and that in this unit's own chain on each target every sequence from the
first to the newest is accounted for, by a header or by a deletion record of this unit, link by link. So a
taken-over engine that wants a needed key destroyed has to hide a whole target, or the newest end of a chain;
it cannot leave out single images.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from appliance.keys.errors import EvidenceRefused, KeyNeeded
from sealing.documents import deletion_record, image_header
from sealing.errors import Refused
from sealing.jose import peek
from sealing.trust import Trust

MOST: Final = 4096  # documents in one request; the wire bounds their bytes


class _Place(NamedTuple):
    sequence: int
    link: str
    previous: str | None


def judge(documents: Sequence[str], *, key_id: str, own: str, trust: Trust) -> None:
    """Raise `KeyNeeded` or `EvidenceRefused` unless these documents show that nothing needs the key.

    `own`: the thumbprint of this unit's certificate.
    """
    chains: dict[str, dict[int, _Place]] = {}
    for text in documents:
        target, signer, place, opened_by = _read(text, trust)
        if opened_by == key_id:
            raise KeyNeeded(key_id=key_id, sequence=place.sequence)
        if signer == own:
            chain = chains.setdefault(target, {})
            if chain.setdefault(place.sequence, place) != place:
                raise EvidenceRefused(why="two documents for one place", sequence=place.sequence)
    for target, places in chains.items():
        ordered = [places[sequence] for sequence in sorted(places)]
        if ordered[0].sequence != 1:
            raise EvidenceRefused(why="the first images are not accounted for", target=target)
        for before, after in pairwise(ordered):
            if after.sequence != before.sequence + 1 or after.previous != before.link:
                raise EvidenceRefused(
                    why="images are not accounted for", target=target, after=before.sequence
                )


def _read(text: str, trust: Trust) -> tuple[str, str, _Place, str | None]:
    """Target, signer, place, and the key that opens the image (None: it was deleted)."""
    try:
        if peek(text).header.get("typ") == deletion_record.FORM.typ:
            record = deletion_record.read(text, trust)
            place = _Place(record.sequence, record.link, record.previous)
            return record.target, record.unit.thumbprint, place, None
        signed = image_header.read(text, trust)
    except Refused as error:
        raise EvidenceRefused(why="a document does not hold", reason=error.code) from error
    link = signed.header.chain
    place = _Place(link.sequence, signed.link_digest, link.previous)
    return link.target, signed.certificate.thumbprint, place, signed.header.key_id
