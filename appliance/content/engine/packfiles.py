"""The directory of packs: names, open handles, durable entry. No index, no keys of its own.

``<root>/packs/<first two digits>/<digest>``, the digest being the SHA-256 of the file. Files there never
change.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from appliance.content.errors import KeyNotHeld, PackDamaged, PackMissing, PackOtherKey, StoreFull
from ground.files import NewFile, files
from sealing.content.ids import MIB
from sealing.content.keys import SealingKey
from sealing.content.pack import PackReader
from sealing.errors import BindingRefused, CommitmentRefused, Refused

_NAME = re.compile(r"[0-9a-f]{64}\Z")
_FAN = re.compile(r"[0-9a-f]{2}\Z")
_OPEN_PACKS: Final = 48  # handles kept open for reading


class PackHandle:
    """An open pack; the file is closed when nobody uses the handle any more."""

    __slots__ = ("_descriptor", "reader")

    def __init__(self, path: Path, key_of: Callable[[str], SealingKey]) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise PackMissing(pack=path.name) from error
        self._descriptor: Final = descriptor
        self.reader: Final = PackReader(self.read_at, os.fstat(descriptor).st_size, key_of)

    def read_at(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)


class PackFiles:
    """Packs by digest under one directory. Thread-safe."""

    def __init__(self, root: Path) -> None:
        self.root: Final = root
        self._lock: Final = threading.Lock()
        self._open: OrderedDict[str, PackHandle] = OrderedDict()

    def path(self, digest: str) -> Path:
        """Where the pack of that digest lies or would lie."""
        if not _NAME.match(digest):
            raise PackMissing(pack=digest[:80])
        return self.root / digest[:2] / digest

    def names(self) -> Iterator[str]:
        """Digests of all packs that are there; anything else in the directory is ignored."""
        for fan in sorted(os.scandir(self.root), key=lambda item: item.name):
            if _FAN.match(fan.name) and fan.is_dir(follow_symlinks=False):
                for item in sorted(os.scandir(fan.path), key=lambda item: item.name):
                    if _NAME.match(item.name) and item.name.startswith(fan.name):
                        yield item.name

    def sweep(self) -> None:
        """Remove what an interrupted writer left; only for the one writer."""
        for item in os.scandir(self.root):
            if item.name.startswith(".tmp-"):
                files().unlink(item.path)

    def new(self) -> NewFile:
        """A pack in the making; `publish` gives it its name."""
        return files().open_new(self.root / "pack")

    def publish(self, new: NewFile, digest: str) -> None:
        """fsync, rename to the pack's name, fsync the directories."""
        new.path = self.path(digest)
        files().mkdir(new.path.parent)
        new.commit()

    def open(self, digest: str, key_of: Callable[[str], SealingKey]) -> PackHandle:
        """The pack, opened for reading and kept open while it is used often."""
        with self._lock:
            handle = self._open.get(digest)
            if handle is not None:
                self._open.move_to_end(digest)
                return handle
        with refusing(digest):
            handle = PackHandle(self.path(digest), key_of)
        with self._lock:
            self._open[digest] = handle
            while len(self._open) > _OPEN_PACKS:
                self._open.popitem(last=False)
        return handle

    def remove(self, digest: str) -> None:
        """Remove a pack that the index has forgotten; whoever reads it just now reads on."""
        with self._lock:
            self._open.pop(digest, None)
        files().unlink(self.path(digest), missing_ok=True)

    def close(self) -> None:
        with self._lock:
            self._open.clear()

    def check_digest(self, digest: str) -> None:
        """Read the whole file and compare; `PackMissing` or `PackDamaged`."""
        found = hashlib.sha256()
        try:
            with self.path(digest).open("rb", buffering=0) as file:
                while piece := file.read(MIB):
                    found.update(piece)
        except OSError as error:
            raise PackMissing(pack=digest) from error
        if found.hexdigest() != digest:
            raise PackDamaged(pack=digest, reason="digest")


@contextmanager
def refusing(pack: str) -> Iterator[None]:
    """Turn what `sealing` refuses about a pack into this room's refusals."""
    try:
        yield
    except CommitmentRefused as error:
        raise PackOtherKey(pack=pack) from error
    except BindingRefused as error:
        raise KeyNotHeld(pack=pack, reason=error.code) from error
    except Refused as error:
        raise PackDamaged(pack=pack, reason=error.code) from error


@contextmanager
def telling_full() -> Iterator[None]:
    """A full disk becomes a refusal that says so; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull() from error
        raise
