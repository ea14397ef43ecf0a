"""A directory as a target: a mounted disk, or a network file system.

Writing: a temporary name beside the final one, every byte, all of it read back and compared with the digest,
fsync of the file, rename, fsync of the directory (`ground.files`, the one seam where tests make storage
fail). Reading back compares what the source gave and what the file holds in one, so it is hashed once. Safe
on NFS: the rename stays within one directory, a rename that "failed" after it happened is recognised by
looking at the result, no lock and no access time is relied on, and `ESTALE` is reported as unreachable
storage. Symbolic links are never followed: what is a link is not an object. The directory seen by `probe` is
remembered: if another file system appears there (a disk that was unmounted in mid-backup), nothing is written
into it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat as stat_module
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from appliance.backup.errors import (
    BadTargetSettings,
    ObjectCorrupt,
    ObjectMissing,
    TargetAbsent,
    TargetFull,
    TargetReadOnly,
    TargetRefusal,
    TargetTooSlow,
    TargetUnreachable,
)
from appliance.backup.targets.base import (
    READ_BYTES,
    SEGMENT,
    ObjectStat,
    SourceFailed,
    Target,
    check_name,
)
from ground.files import files
from ground.files.fs import TEMPORARY_PREFIX

IGNORED_AT_ROOT = frozenset({"lost+found", ".snapshot", ".zfs"})  # file systems put these there themselves

_REFUSAL_OF: dict[int, type[TargetRefusal]] = {
    errno.ENOSPC: TargetFull,
    errno.EDQUOT: TargetFull,
    errno.EFBIG: TargetFull,
    errno.EROFS: TargetReadOnly,
    errno.EACCES: TargetReadOnly,
    errno.EPERM: TargetReadOnly,
    errno.ETIMEDOUT: TargetTooSlow,
}


@contextmanager
def _as_refusal(path: Path) -> Iterator[None]:
    """Turn the operating system's errors into the refusals of a target, at this edge and nowhere else."""
    try:
        yield
    except OSError as error:
        refusal = _REFUSAL_OF.get(error.errno or 0, TargetUnreachable)
        raise refusal(path=str(path), error=errno.errorcode.get(error.errno or 0, "unknown")) from error


def _announced(pieces: Iterable[bytes], *, name: str, size: int) -> Iterator[bytes]:
    """The pieces, as long as there are not more than announced; errors of the source as `SourceFailed`."""
    length = 0
    source = iter(pieces)
    while True:
        try:
            piece = next(source, None)
        except Exception as error:
            raise SourceFailed(error) from error
        if piece is None:
            return
        length += len(piece)
        if length > size:
            raise ObjectCorrupt(name=name, why="more bytes than announced", size=size)
        yield piece


def _digest_of(descriptor: int, size: int) -> str:
    """SHA-256 of what lies in a file now."""
    found, buffer, at = hashlib.sha256(), memoryview(bytearray(min(size, READ_BYTES))), 0
    while at < size:
        count = os.preadv(descriptor, [buffer], at)
        if not count:
            break
        found.update(buffer[:count])
        at += count
    return found.hexdigest()


class DirectoryTarget(Target):
    kind: ClassVar[str] = "directory"
    SETTINGS: ClassVar[Mapping[str, bool]] = {"path": True}
    reads_back = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self._seen: tuple[int, int] | None = None  # device and inode of the root when it was probed

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> DirectoryTarget:
        path = settings.get("path")
        if set(settings) != {"path"} or not isinstance(path, str) or "\0" in path:
            raise BadTargetSettings(setting="path")
        root = Path(path)
        if not root.is_absolute() or ".." in root.parts or root == Path("/"):
            raise BadTargetSettings(setting="path", path=path[:200])
        return cls(root)

    # ---- the place itself ----

    def probe(self, *, write: bool) -> None:
        with _as_refusal(self.root):
            try:
                found = os.stat(self.root)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise TargetAbsent(path=str(self.root)) from error
            if not stat_module.S_ISDIR(found.st_mode):
                raise TargetAbsent(path=str(self.root), why="not a directory")
            with os.scandir(self.root) as entries:
                next(entries, None)
            self._seen = (found.st_dev, found.st_ino)
        if write:
            if not os.access(self.root, os.W_OK | os.X_OK):
                raise TargetReadOnly(path=str(self.root))
            with _as_refusal(self.root), files().open_new(self.root / "probe") as trial:
                trial.write(b"probe")  # never committed: nothing of it stays

    def is_empty(self) -> bool:
        with _as_refusal(self.root), os.scandir(self.root) as entries:
            return all(
                entry.name in IGNORED_AT_ROOT or entry.name.startswith(TEMPORARY_PREFIX) for entry in entries
            )

    def free_bytes(self) -> int | None:
        with _as_refusal(self.root):
            found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    # ---- objects ----

    def put(self, name: str, pieces: Iterable[bytes], *, digest: str, size: int) -> bool:
        path = self._path(name)
        if self.already(name, self.stat(name), digest=digest, size=size):
            return False
        self._require_root()
        try:
            self._write(name, path, pieces, digest=digest, size=size)
        except SourceFailed as failure:
            raise failure.error from None
        return True

    def _write(self, name: str, path: Path, pieces: Iterable[bytes], *, digest: str, size: int) -> None:
        with _as_refusal(path):
            self._make_parents(path.parent)
            with files().open_new(path) as new:
                for piece in _announced(pieces, name=name, size=size):
                    new.write(piece)
                if new.size != size or _digest_of(new.fileno(), size) != digest:
                    raise ObjectCorrupt(name=name, why="the bytes are not those announced", size=new.size)
                try:
                    new.commit()
                except FileNotFoundError:
                    # NFS repeats a rename whose answer was lost, and then finds no source.
                    if not path.is_file() or path.stat().st_size != size:
                        raise
                    files().fsync_dir(path.parent)

    def get(self, name: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        path = self._path(name)
        with _as_refusal(path):
            try:
                # O_NONBLOCK: a pipe that somebody put here must not hold a job for ever.
                handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise ObjectMissing(name=name) from error
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise ObjectMissing(name=name, why="a link is not an object") from error
                raise
        try:
            if not stat_module.S_ISREG(os.fstat(handle).st_mode):
                raise ObjectMissing(name=name, why="not a regular file")
            position, left = offset, length
            while left is None or left > 0:
                with _as_refusal(path):
                    piece = os.pread(handle, READ_BYTES if left is None else min(READ_BYTES, left), position)
                if not piece:
                    if left is None:
                        return
                    raise ObjectCorrupt(name=name, why="shorter than it should be", missing=left)
                position += len(piece)
                left = None if left is None else left - len(piece)
                yield piece
        finally:
            os.close(handle)

    def list(self, prefix: str = "") -> Iterator[ObjectStat]:
        if prefix:
            check_name(prefix.removesuffix("/"))
        self._require_root()
        yield from self._walk(prefix.removesuffix("/"))

    def stat(self, name: str) -> ObjectStat | None:
        path = self._path(name)
        with _as_refusal(path):
            try:
                found = os.lstat(path)
            except (FileNotFoundError, NotADirectoryError):
                self._require_root()  # "no such object" must not be said of a disk that is not there
                return None
        return ObjectStat(name, found.st_size) if stat_module.S_ISREG(found.st_mode) else None

    def delete(self, name: str) -> bool:
        path = self._path(name)
        if self.stat(name) is None:
            return False
        with _as_refusal(path):
            files().unlink(path)
        return True

    def sweep(self, *, older_than: float) -> int:
        removed, oldest = 0, time.time() - older_than
        with _as_refusal(self.root):
            for directory, _, names in os.walk(self.root):
                for name in names:
                    path = Path(directory, name)
                    if name.startswith(TEMPORARY_PREFIX) and path.lstat().st_mtime < oldest:
                        path.unlink()
                        removed += 1
        return removed

    # ---- within ----

    def _path(self, name: str) -> Path:
        return self.root / check_name(name)

    def _require_root(self) -> None:
        with _as_refusal(self.root):
            try:
                found = os.stat(self.root)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise TargetAbsent(path=str(self.root)) from error
        if self._seen not in (None, (found.st_dev, found.st_ino)):
            raise TargetAbsent(path=str(self.root), why="another file system is there now")

    def _make_parents(self, directory: Path) -> None:
        for parent in reversed([directory, *directory.parents]):
            if parent.is_relative_to(self.root) and not parent.is_dir():
                files().mkdir(parent)

    def _walk(self, below: str) -> Iterator[ObjectStat]:
        directory = self.root / below if below else self.root
        with _as_refusal(directory):
            try:
                entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
            except (FileNotFoundError, NotADirectoryError):
                return
        for entry in entries:
            if not SEGMENT.match(entry.name):
                continue
            name = f"{below}/{entry.name}" if below else entry.name
            with _as_refusal(directory):
                try:
                    found = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
            if stat_module.S_ISDIR(found.st_mode):
                yield from self._walk(name)
            elif stat_module.S_ISREG(found.st_mode):
                yield ObjectStat(name, found.st_size)
