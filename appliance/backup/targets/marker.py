"""The marker that makes a place a repository, and whose (docs/formats/repository.md §3).

It guards against mistakes: the wrong directory, a disk that is not mounted, another customer's
repository. Against attackers the signed headers stand; the marker is not signed.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from itertools import islice

from appliance.backup.errors import (
    NotARepository,
    ObjectConflict,
    RepositoryChanged,
    RepositoryOfAnother,
    RepositoryTooNew,
)
from appliance.backup.targets.base import Target

MARKER = "strongroom-repository.json"
MARKER_BYTES = 4096  # docs/formats/repository.md §3
FORMAT = "strongroom-repository"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Marker:
    """Whose repository this is."""

    repository: uuid.UUID
    customer: uuid.UUID

    def encode(self) -> bytes:
        members = {
            "format": FORMAT,
            "version": VERSION,
            "repository": str(self.repository),
            "customer": str(self.customer),
        }
        return json.dumps(members, sort_keys=True).encode() + b"\n"

    @classmethod
    def decode(cls, data: bytes) -> Marker:
        """Parse strictly: exactly the four members, canonical UUIDs."""
        try:
            members = json.loads(data)
            if members.get("format") != FORMAT:
                raise NotARepository(why="the marker is of another kind")
            if members.get("version") != VERSION:
                raise RepositoryTooNew(version=members.get("version"), known=VERSION)
            marker = cls(uuid.UUID(members["repository"]), uuid.UUID(members["customer"]))
            if marker.encode() != json.dumps(members, sort_keys=True).encode() + b"\n":
                raise NotARepository(why="the marker has unknown members")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotARepository(why="the marker cannot be read") from error
        return marker


def read_marker(target: Target) -> Marker | None:
    """The marker of a repository, None of an empty place; `NotARepository` for anything else."""
    if target.stat(MARKER) is None:
        if target.is_empty():
            return None
        # Another unit may have made the repository between the two looks: only a second one tells.
        if target.stat(MARKER) is None:
            first = next(islice(target.list(), 1), None)
            raise NotARepository(why="the place is not empty and has no marker", holds=first and first.name)
    return Marker.decode(target.get_bytes(MARKER, limit=MARKER_BYTES))


def _make(target: Target, marker: Marker) -> Marker:
    """Write the marker on condition that there is none; of two units that do so at once one is first, and
    both work with its."""
    try:
        target.put_bytes(MARKER, marker.encode())
    except ObjectConflict:
        found = read_marker(target)
        if found is None:
            raise
        return found
    return marker


def open_repository(
    target: Target,
    *,
    customer: uuid.UUID | None,
    expected: uuid.UUID | None,
    create: bool,
    copy_of: uuid.UUID | None = None,
) -> Marker:
    """Check that the place is the repository meant; make one in an empty place if asked to.

    `expected` is the repository id seen here before: an empty place is then an unmounted disk, not a
    fresh target, and is refused. `customer` is None only where the reader belongs to nobody yet (a blank
    unit that looks for images); it then makes nothing. `copy_of` is the repository whose copy is to lie here:
    it is what an empty place becomes, and nothing else is accepted.
    """
    target.probe(write=create)
    marker = read_marker(target)
    if marker is None:
        if expected is not None:
            why = "the repository that was here is gone; is the disk mounted?"
            raise NotARepository(why=why, expected=str(expected))
        if not create or customer is None:
            raise NotARepository(why="the place is empty")
        marker = _make(target, Marker(copy_of or uuid.uuid4(), customer))
    if customer is not None and marker.customer != customer:
        raise RepositoryOfAnother(customer=str(marker.customer))
    expected = expected or copy_of
    if expected is not None and marker.repository != expected:
        raise RepositoryChanged(expected=str(expected), found=str(marker.repository))
    return marker
