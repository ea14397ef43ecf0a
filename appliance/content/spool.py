"""The sealed spool, seen from the web tier: it can put, never get (docs/formats/spool-segment.md).

``<site>/spool/<upload id>/<offset, 16 hex digits>`` holds one segment, which appears whole or not at all. No
Django here: the engine uses the names too.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.content.errors import UploadBusy, UploadNoSpace, UploadUnknown
from ground.files import NewFile, files
from sealing.content.segment import SEGMENT_BYTES, SegmentWriter
from sealing.hpke import KemPublicKey

# Left free for the database and the store's own work.
RESERVE_BYTES: Final = 256 << 20


def directory(spool: Path, upload: uuid.UUID) -> Path:
    """The directory of one upload."""
    return spool / upload.hex


def segment_path(spool: Path, upload: uuid.UUID, offset: int) -> Path:
    """The segment that begins at `offset`."""
    return directory(spool, upload) / f"{offset:016x}"


def create(spool: Path, upload: uuid.UUID) -> None:
    """Make room for an upload, durably."""
    files().mkdir(
        directory(spool, upload), mode=0o770
    )  # the engine reads and removes: its group, by the umask


def remove(spool: Path, upload: uuid.UUID) -> None:
    """Remove an upload's segments; fine if they are gone."""
    shutil.rmtree(directory(spool, upload), ignore_errors=True)


def free_bytes(spool: Path) -> int:
    """What the spool's file system still takes, less the reserve."""
    existing = next(path for path in (spool, *spool.parents) if path.is_dir())
    return shutil.disk_usage(existing).free - RESERVE_BYTES


@contextlib.contextmanager
def exclusive(spool: Path, upload: uuid.UUID) -> Iterator[None]:
    """One request at a time appends to an upload; `UploadBusy` for the other."""
    path = directory(spool, upload) / "lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    except FileNotFoundError as error:  # it was ended meanwhile
        raise UploadUnknown(upload=str(upload)) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UploadBusy(upload=str(upload)) from error
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def telling_full() -> Iterator[None]:
    """A full disk becomes a refusal that says so; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UploadNoSpace(free=0) from error
        raise


class SegmentFile:
    """One segment on its way to the disk. Leave it without `commit` and nothing of it stays."""

    def __init__(self, spool: Path, upload: uuid.UUID, offset: int, public: KemPublicKey) -> None:
        self._file: Final[NewFile] = files().open_new(segment_path(spool, upload, offset), mode=0o660)
        try:
            self._writer: Final = SegmentWriter(public, upload, offset, self._file.write)
        except BaseException:
            self._file.abandon()
            raise

    @property
    def room(self) -> int:
        """Bytes of content that still fit."""
        return SEGMENT_BYTES - self._writer.length

    def add(self, data: bytes | memoryview) -> None:
        """Seal and write; at most `room` bytes."""
        self._writer.add(data)

    def commit(self) -> int:
        """Mark the end, make it durable under its name; returns the bytes of content in it."""
        length = self._writer.finish()
        self._file.commit()
        return length

    def abandon(self) -> None:
        self._file.abandon()
