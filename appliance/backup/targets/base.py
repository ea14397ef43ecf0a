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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from appliance.backup.errors import (
    BadObjectName,
    ObjectConflict,
    ObjectCorrupt,
    ObjectMissing,
)

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


class SourceFailed(Exception):
    """Carries an error of the source past a target's own handling: it is not the target's fault."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def from_source(pieces: Iterable[bytes], *, name: str, digest: str, size: int) -> Iterator[bytes]:
    """The pieces, compared: the last one is handed on only if all are the bytes announced.

    Raises `SourceFailed` around an error of the source, and around `ObjectCorrupt` for other bytes.
    """
    have, length = hashlib.sha256(), 0
    held = b""
    try:
        for piece in pieces:
            have.update(piece)
            length += len(piece)
            if length > size:
                raise ObjectCorrupt(name=name, why="more bytes than announced", size=size)
            if held:
                yield held
            held = piece
        if have.hexdigest() != digest or length != size:
            raise ObjectCorrupt(name=name, why="the bytes are not those announced", size=length)
    except GeneratorExit:
        raise
    except Exception as error:
        raise SourceFailed(error) from error
    if held:
        yield held


class Target(ABC):
    """See the module's contract. An instance is cheap and may be used by several threads at once. A target
    across a network keeps its connection between calls and lets go of it when it has been idle."""

    kind: ClassVar[str]
    SETTINGS: ClassVar[Mapping[str, bool]]  # names, and whether they must be given
    CREDENTIALS: ClassVar[Sequence[frozenset[str]]] = ()  # sets of which exactly one is given in full
    # Whether `put` reads back every byte it has written and compares it before the object gets its name.
    reads_back: bool = False

    def close(self) -> None:  # noqa: B027  # most have nothing to let go of
        """Let go of connections; the next call makes them anew."""

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

    def already(self, name: str, found: ObjectStat | None, *, digest: str, size: int) -> bool:
        """Whether these bytes are there, given what `stat` found.

        A pack's name is its digest, so its size is looked at and no more (reading everything again would
        undo what being incremental saves; verify reads it); any other object is small and compared. False
        also for a damaged copy (named by its content and of another size): a sound one takes its place.
        """
        if found is None:
            return False
        if found.size == size:
            if digest in name:
                return True
            if sha256_of(self.get(name))[0] == digest:
                return True
        elif digest in name:
            return False
        raise ObjectConflict(name=name)

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
