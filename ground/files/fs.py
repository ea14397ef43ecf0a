"""Durable writes in the only order that survives a power cut, each step one replaceable operation.

A new file: write to a temporary name beside it, fsync the file, rename, fsync the directory. Whoever
sees the name sees the whole content; whoever is told "done" finds it after a power cut.

Every operation that changes the disk passes through `Fs._step`. Tests put another `Fs` in its place that
fails, tears or kills at the Nth one (`use`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar

T = TypeVar("T")
Operation = Literal["create", "write", "fsync", "rename", "fsync-dir", "unlink", "mkdir", "link", "truncate"]
BEGIN_BYTES = 4 << 20  # a new file's bytes are on their way to the disk in parts of this size
TEMPORARY_PREFIX = ".tmp-"  # names a collector may remove when no writer is alive

_SYNC_FILE_RANGE_WRITE = 2  # sync_file_range(2)


def _find_sync_file_range() -> Callable[[int, int, int, int], int] | None:
    found = getattr(ctypes.CDLL(None), "sync_file_range", None)  # Linux alone has it
    if found is not None:
        found.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return found


_sync_file_range = _find_sync_file_range()


class Fs:
    """Durable file operations. Errors are the operating system's (`OSError`), passed on as they are."""

    def write(self, path: Path | str, data: bytes, *, mode: int = 0o600) -> None:
        """Put `data` at `path`, whole and durable or not at all; an existing file is replaced."""
        with self.open_new(path, mode=mode) as new:
            new.write(data)
            new.commit()

    def open_new(self, path: Path | str, *, mode: int = 0o600) -> NewFile:
        """A file that appears at `path` when `commit` returns, and never if it is not called."""
        return NewFile(self, Path(path), mode)

    def append(self, path: Path | str, data: bytes, *, mode: int = 0o600) -> None:
        """Add `data` at the end of `path` (made if missing), durable on return. A crash may tear it."""
        with self.open_append(path, mode=mode) as file:
            file.write(data)
            file.sync()

    def open_append(self, path: Path | str, *, mode: int = 0o600) -> AppendFile:
        """A file to add to: written bytes are durable after `sync`."""
        return AppendFile(self, Path(path), mode)

    def rename(self, source: Path | str, target: Path | str) -> None:
        """Rename atomically, replacing `target`; durable on return (both directories are flushed)."""
        source, target = Path(source), Path(target)
        self.rename_only(source, target)
        self.fsync_dir(target.parent)
        if source.parent != target.parent:
            self.fsync_dir(source.parent)

    def rename_only(self, source: Path, target: Path) -> None:
        """Rename without flushing the directory: for several renames before one `fsync_dir`."""
        self._step("rename", target, lambda: os.rename(source, target))

    def link(self, source: Path | str, target: Path | str) -> None:
        """Give an existing file a second name, durable on return; FileExistsError if it is taken."""
        target = Path(target)
        self._step("link", target, lambda: os.link(source, target))
        self.fsync_dir(target.parent)

    def symlink(self, points_to: str, target: Path | str) -> None:
        """Make or replace the symbolic link `target` by one rename, durable on return."""
        target = Path(target)
        temporary = temporary_name(target)
        self._step("create", temporary, lambda: os.symlink(points_to, temporary))
        try:
            self.rename(temporary, target)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def unlink(self, path: Path | str, *, missing_ok: bool = False) -> None:
        """Remove a file, durable on return."""
        path = Path(path)
        try:
            self._step("unlink", path, lambda: os.unlink(path))
        except FileNotFoundError:
            if not missing_ok:
                raise
            return
        self.fsync_dir(path.parent)

    def mkdir(self, path: Path | str, *, mode: int = 0o700) -> None:
        """Make a directory and its parents, each durable; fine if it is there."""
        path = Path(path)
        if path.is_dir():
            return
        if not path.parent.is_dir():
            self.mkdir(path.parent, mode=mode)
        try:
            self._step("mkdir", path, lambda: os.mkdir(path, mode))
        except FileExistsError:
            if not path.is_dir():
                raise
        self.fsync_dir(path.parent)

    def truncate(self, path: Path | str, size: int) -> None:
        """Cut `path` to `size` bytes, durable on return."""
        path = Path(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            self._step("truncate", path, lambda: os.ftruncate(descriptor, size))
            self.fsync(descriptor, path)
        finally:
            os.close(descriptor)

    def fsync_dir(self, path: Path | str) -> None:
        """Flush the names in a directory."""
        path = Path(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._step("fsync-dir", path, lambda: os.fsync(descriptor))
        finally:
            os.close(descriptor)

    # The operations NewFile and AppendFile are made of.

    def create(self, path: Path, flags: int, mode: int) -> int:
        return self._step("create", path, lambda: os.open(path, flags | os.O_CLOEXEC, mode))

    def write_all(self, descriptor: int, path: Path, data: bytes | memoryview) -> None:
        """Write all of `data` at the descriptor's position."""
        self._step("write", path, lambda: _write_all(descriptor, data), data=data, descriptor=descriptor)

    def fsync(self, descriptor: int, path: Path) -> None:
        self._step("fsync", path, lambda: os.fsync(descriptor))

    def begin_writing(self, descriptor: int, offset: int, length: int) -> None:
        """Have the kernel begin to write this part to the disk, and do not wait: the fsync that follows later
        finds little left to do. A hint, no promise; where the system has no such call nothing happens."""
        if _sync_file_range is not None:
            _sync_file_range(descriptor, offset, length, _SYNC_FILE_RANGE_WRITE)

    def _step(
        self,
        operation: Operation,
        path: Path,
        action: Callable[[], T],
        *,
        data: bytes | memoryview = b"",
        descriptor: int = -1,
    ) -> T:
        """Do one operation. `data` and `descriptor` are there for whoever wants to tear a write."""
        del operation, path, data, descriptor
        return action()


class NewFile:
    """A file in the making; leave the `with` block without `commit` and nothing of it stays."""

    def __init__(self, fs: Fs, path: Path, mode: int) -> None:
        self._fs = fs
        self.path = path
        self.temporary = temporary_name(path)
        self._descriptor = fs.create(self.temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        self.size = 0
        self._begun = 0  # bytes that the kernel was asked to begin writing
        self._open = True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: bytes | memoryview) -> int:
        self._fs.write_all(self._descriptor, self.temporary, data)
        self.size += len(data)
        if self.size - self._begun >= BEGIN_BYTES:
            self._fs.begin_writing(self._descriptor, self._begun, self.size - self._begun)
            self._begun = self.size
        return len(data)

    def commit(self) -> None:
        """fsync, rename to the final name, fsync the directory."""
        self._fs.fsync(self._descriptor, self.temporary)
        self._close()
        try:
            self._fs.rename(self.temporary, self.path)
        except OSError:
            self._remove()
            raise

    def abandon(self) -> None:
        """Give it up; harmless after `commit`."""
        if self._open:
            self._close()
            self._remove()

    def _close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._descriptor)

    def _remove(self) -> None:
        # Tidying, not durability: what stays after a crash has the temporary prefix and is collected.
        with contextlib.suppress(OSError):
            os.unlink(self.temporary)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()


class AppendFile:
    """A file that grows; `size` is its length including what was written here."""

    def __init__(self, fs: Fs, path: Path, mode: int) -> None:
        self._fs = fs
        self.path = path
        fresh = not path.exists()
        self._descriptor = fs.create(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode)
        self.size = os.fstat(self._descriptor).st_size
        if fresh:
            fs.fsync_dir(path.parent)

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: bytes | memoryview) -> int:
        self._fs.write_all(self._descriptor, self.path, data)
        self.size += len(data)
        return len(data)

    def sync(self) -> None:
        """Make everything written so far durable."""
        self._fs.fsync(self._descriptor, self.path)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def temporary_name(path: Path) -> Path:
    """A fresh name beside `path`, on the same file system, that no reader takes for content."""
    return path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}-{path.name}"[:250])


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


_current = Fs()


def files() -> Fs:
    """The file operations of this process. Ask at each use, so that a test's replacement is seen."""
    return _current


@contextlib.contextmanager
def use(fs: Fs) -> Iterator[Fs]:
    """Put `fs` in place for the `with` block, in all threads of this process."""
    global _current
    before, _current = _current, fs
    try:
        yield fs
    finally:
        _current = before
