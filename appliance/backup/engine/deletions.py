"""Signed deletion records on a target: places of a chain that are empty because their unit emptied them.

docs/formats/deletion-record.md §3. A record that is not believed is a finding; its image counts as missing.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from appliance.backup.engine.repository import Place, chain_name
from appliance.backup.errors import ImageForged, ImageMisplaced, ImageRefusal, ObjectCorrupt
from appliance.backup.targets import Target
from appliance.backup.targets.base import ObjectStat
from sealing.documents import deletion_record
from sealing.documents.deletion_record import DeletionRecord
from sealing.errors import Refused
from sealing.trust import Trust

_RECORD = re.compile(r"(chains/[0-9a-f]{64}/[0-9]{10}-[0-9a-f]{32})/deletion\.jws\Z")

Deleted = Mapping[str, Mapping[int, DeletionRecord]]  # by chain, by sequence


@dataclass(slots=True)
class Records:
    """Believed records by chain and sequence, and what was not believed, by name."""

    by_chain: dict[str, dict[int, DeletionRecord]] = field(default_factory=dict)
    refused: list[tuple[str, ImageRefusal]] = field(default_factory=list)

    def of(self, place: Place) -> DeletionRecord | None:
        """The record of that very image."""
        found = self.by_chain.get(place.chain, {}).get(place.sequence)
        return found if found is not None and found.image == str(place.image) else None


def records_on(
    target: Target,
    *,
    trust: Trust,
    repository: uuid.UUID,
    customer: uuid.UUID,
    listing: Iterable[ObjectStat] | None = None,
) -> Records:
    """Read and judge every record. `listing`: what lies below `chains/`, if it was asked for already."""
    found = Records()
    for stat in target.list("chains/") if listing is None else listing:
        match = _RECORD.match(stat.name)
        place = Place.of_directory(match.group(1)) if match else None
        if place is None:
            continue
        try:
            record = believe(target.get_bytes(stat.name, limit=deletion_record.FORM.max_bytes), place, trust)
            if record.target != str(repository) or record.customer != str(customer):
                raise ImageMisplaced(why="a deletion record for another repository or customer")
        except ImageRefusal as refusal:
            found.refused.append((stat.name, refusal))
            continue
        except ObjectCorrupt as error:
            if not error.is_oversized:
                raise
            found.refused.append((stat.name, ImageForged(what="deletion record", reason="size")))
            continue
        found.by_chain.setdefault(place.chain, {})[place.sequence] = record
    return found


def believe(data: bytes, place: Place, trust: Trust) -> DeletionRecord:
    """The record in these bytes, signed by the unit of the chain, about the image of the place."""
    try:
        record = deletion_record.read(data.decode("ascii"), trust)
    except (Refused, UnicodeDecodeError) as error:
        reason = error.reason if isinstance(error, Refused) else "ascii"
        raise ImageForged(what="deletion record", reason=reason) from error
    if chain_name(record.unit.thumbprint) != place.chain:
        raise ImageMisplaced(why="a deletion record signed by another unit than the chain's")
    if record.image != str(place.image) or record.sequence != place.sequence:
        raise ImageMisplaced(why="a deletion record for another image or sequence than its place")
    return record
