"""A backup target: a place outside the unit that keeps sealed objects under names.

Contract of every implementation (`tests/appliance/backup/targets/conformance.py` holds it to this):

* A name is relative, of lower-case segments from a small alphabet (`check_name`); nothing a target lists
  that is not such a name is ever believed or followed.
* An object is **whole or absent**: it appears under its name only after every byte is durable and was
  compared with the digest and size the caller expected. A put that was cut off leaves at most a
  temporary object, which `list` never shows and `sweep` removes.
* An object never changes. Putting the same bytes again is no work; putting others under a taken name is
  refused (`ObjectConflict`).
* Times kept by the target are nobody's evidence; no decision rests on them but the age of temporaries.
* A target can always delete. It cannot be prevented, only noticed; so nothing here is believed for
  being absent, and nothing is deleted because something else was not listed.

Nothing in this module or below it sees a key: what lies on a target is sealed or public.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from appliance.backup.errors import BadObjectName, ObjectCorrupt, ObjectMissing

SEGMENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}\Z")
NAME_BYTES = 512  # docs/formats/repository.md §2
READ_BYTES = 1 << 20  # ranged reads are handed on in pieces of this size, so memory stays flat


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What a listing tells of one object: its name and its size in bytes. No times, by intent."""

    name: str
    size: int


def check_name(name: str) -> str:
    """Return `name` if it is a lawful object name, else raise `BadObjectName`.

    The alphabet leaves no room for `..`, absolute paths, drive letters, hidden or temporary files.
    """
    segments = name.split("/")
    if len(name) > NAME_BYTES or not all(SEGMENT.match(segment) for segment in segments):
        raise BadObjectName(name=name[:80])
    return name


def sha256_of(pieces: Iterable[bytes]) -> tuple[str, int]:
    """Digest (hex) and length of a stream of pieces."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


class Target(ABC):
    """See the module's contract. An instance is cheap, holds no open handles between calls, and may be
    used by several threads at once."""

    kind: ClassVar[str]

    @abstractmethod
    def probe(self, *, write: bool) -> None:
        """Raise the refusal that fits if the target is absent, not ours to read or (with `write`) cannot
        take a small durable object now."""

    @abstractmethod
    def put(self, name: str, pieces: Iterable[bytes], *, digest: str, size: int) -> bool:
        """Store an object durably; True if it was written, False if these very bytes were there already.

        `digest` is the SHA-256 in hex, `size` the length in bytes. Bytes that do not match are refused
        (`ObjectCorrupt`) and leave nothing under the name.
        """

    @abstractmethod
    def get(self, name: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of an object in pieces of at most `READ_BYTES`; `ObjectMissing` if it is not there,
        `ObjectCorrupt` if it ends before `offset + length`."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[ObjectStat]:
        """Objects below a prefix that is empty or ends with `/`, in no particular order."""

    @abstractmethod
    def is_empty(self) -> bool:
        """True only if nothing at all lies here, not even something that has no lawful name."""

    @abstractmethod
    def stat(self, name: str) -> ObjectStat | None:
        """Size of one object, or None if there is none of that name."""

    @abstractmethod
    def delete(self, name: str) -> bool:
        """Remove one object durably; False if it was not there."""

    @abstractmethod
    def sweep(self, *, older_than: float) -> int:
        """Remove temporaries that have not been written to for `older_than` seconds; how many."""

    @abstractmethod
    def free_bytes(self) -> int | None:
        """Room left, or None where the target cannot tell."""

    def put_bytes(self, name: str, data: bytes) -> bool:
        """`put` for an object that is small enough to hold in memory."""
        return self.put(name, [data], digest=hashlib.sha256(data).hexdigest(), size=len(data))

    def get_bytes(self, name: str, *, limit: int) -> bytes:
        """A whole object of at most `limit` bytes; a longer one is refused before it is read."""
        found = self.stat(name)
        if found is None:
            raise ObjectMissing(name=name)
        if found.size > limit:
            raise ObjectCorrupt(name=name, why="larger than its kind may be", size=found.size, limit=limit)
        return b"".join(self.get(name, length=found.size))
