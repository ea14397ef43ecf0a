"""Find secrets where they must not be: counts, per kind, of every encoding of every secret in files.

A holder of secrets (the key process, custody) looks for its own secrets in databases, logs, broker files and
backup targets. It answers with counts only. Searched for are: the raw bytes, hex in either case, and base64
and base64url at all three alignments, so that a secret inside a longer encoded text is found as well.

How it is fast: an occurrence of a pattern at least `STRIDE + 7` bytes long covers, wherever it begins, one
whole 8-byte word at a multiple of `STRIDE` from the start of the text searched. So it is enough to look at
every third 8-byte word and ask whether it is one of the few thousand words that the patterns contain; that
runs in C (`set.isdisjoint` over a strided memoryview). Only a window with such a word is searched pattern by
pattern.
"""

from __future__ import annotations

import base64
import mmap
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

WORD = 8  # bytes: one machine word, the unit of the fast pass
STRIDE = 3 * WORD  # bytes between two words looked at
SHORTEST_PATTERN = STRIDE + WORD - 1  # bytes: shorter ones could fall between two words looked at
SHORTEST_SECRET = 32  # bytes: encodes to at least SHORTEST_PATTERN bytes at every alignment
WINDOW = 4 << 20  # bytes searched at once; a multiple of STRIDE is not needed, windows overlap


def encodings(secret: bytes) -> set[bytes]:
    """Every text that certainly appears wherever `secret` was written in one of the encodings searched for.

    For base64 at an alignment, characters that also depend on neighbouring bytes are left out.
    """
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(f"a secret to search for must have at least {SHORTEST_SECRET} bytes")
    found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for lead in range(3):
        # `lead` bytes of something else come first; 0, 2 or 3 characters then depend on them
        text = base64.b64encode(bytes(lead) + secret)
        begin = (0, 2, 3)[lead]
        end = (lead + len(secret)) * 8 // 6  # characters wholly determined by the secret
        found.add(text[begin:end])
        found.add(text[begin:end].translate(bytes.maketrans(b"+/", b"-_")))
    return found


@dataclass(frozen=True)
class ScanReport:
    """Counts per kind of secret; never where, never which."""

    hits: dict[str, int]
    files: int
    bytes: int
    skipped: int  # files that could not be read (gone, or not permitted)

    @property
    def total(self) -> int:
        return sum(self.hits.values())


@dataclass
class _Tally:
    hits: dict[str, int]
    files: int = 0
    bytes: int = 0
    skipped: int = 0
    seen: set[tuple[int, int]] = field(default_factory=set)


class Needles:
    """The secrets to look for, by kind. Refuses to be printed or pickled: it holds them all."""

    def __init__(self, secrets: Mapping[str, Iterable[bytes]]) -> None:
        self._patterns: dict[bytes, str] = {}
        self._kinds = tuple(secrets)
        for kind, values in secrets.items():
            for value in values:
                for pattern in encodings(value):
                    self._patterns.setdefault(pattern, kind)
        self._longest = max(map(len, self._patterns), default=SHORTEST_PATTERN)
        words = {p[i : i + WORD] for p in self._patterns for i in range(min(STRIDE, len(p) - WORD + 1))}
        # native order, as memoryview.cast("Q") reads them
        self._words = {memoryview(word).cast("Q")[0] for word in words}

    def __repr__(self) -> str:
        return f"<Needles {len(self._patterns)} patterns of {len(self._kinds)} kinds>"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("secrets to search for cannot be pickled")

    def empty_counts(self) -> dict[str, int]:
        return dict.fromkeys(self._kinds, 0)

    def count_in(self, data: bytes | bytearray | memoryview | mmap.mmap) -> dict[str, int]:
        """Counts of occurrences (overlapping encodings of one place count once each pattern) per kind."""
        counts = self.empty_counts()
        with memoryview(data) as whole:
            size = len(whole)
            for begin in range(0, size, WINDOW):
                # an occurrence belongs to the window in which it begins
                end = min(begin + WINDOW + self._longest - 1, size)
                with whole[begin:end] as window:
                    if self._may_contain(window):
                        self._count_exactly(bytes(window), min(WINDOW, size - begin), counts)
        return counts

    def _may_contain(self, window: memoryview) -> bool:
        usable = len(window) // WORD * WORD
        with (
            window[:usable] as body,
            body.cast("B") as flat,
            flat.cast("Q") as words,
            words[:: STRIDE // WORD] as some,
        ):
            return not self._words.isdisjoint(some)

    def _count_exactly(self, window: bytes, limit: int, counts: dict[str, int]) -> None:
        for pattern, kind in self._patterns.items():
            at = window.find(pattern)
            while 0 <= at < limit:
                counts[kind] += 1
                at = window.find(pattern, at + 1)


def scan_paths(needles: Needles, paths: Iterable[Path], *, exclude: Iterable[Path] = ()) -> ScanReport:
    """Count secrets in the regular files at and below `paths`; symbolic links are not followed.

    `exclude` names files that hold a secret by design (the vault's own root); they are recognised by inode.
    """
    tally = _Tally(hits=needles.empty_counts())
    for path in exclude:
        try:
            info = path.stat()
        except OSError:
            continue
        tally.seen.add((info.st_dev, info.st_ino))
    for path in paths:
        for file in _files_below(path, tally):
            _scan_file(needles, file, tally)
    return ScanReport(tally.hits, tally.files, tally.bytes, tally.skipped)


def _files_below(path: Path, tally: _Tally) -> Iterator[Path]:
    try:
        mode = path.lstat().st_mode
    except OSError:
        tally.skipped += 1
        return
    if stat.S_ISREG(mode):
        yield path
    if not stat.S_ISDIR(mode):
        return

    def count_error(_error: OSError) -> None:
        tally.skipped += 1

    for folder, _, names in os.walk(path, onerror=count_error):
        for name in names:
            yield Path(folder, name)


def _scan_file(needles: Needles, path: Path, tally: _Tally) -> None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        tally.skipped += 1
        return
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or (info.st_dev, info.st_ino) in tally.seen:
            return
        tally.seen.add((info.st_dev, info.st_ino))
        tally.files += 1
        tally.bytes += info.st_size
        _count_file(needles, fd, tally)
    except OSError:
        tally.skipped += 1
    finally:
        os.close(fd)


def _count_file(needles: Needles, fd: int, tally: _Tally) -> None:
    # read, not mapped: a file cut short by its writer meanwhile would end a mapping's reader with SIGBUS
    keep = needles._longest - 1
    buffer = bytearray(WINDOW + keep)
    filled = 0
    with memoryview(buffer) as view:
        while True:
            got = os.readv(fd, [view[filled:]])
            filled += got
            if got and filled < len(buffer):
                continue
            last = got == 0
            limit = filled if last else filled - keep
            with view[:filled] as window:
                if needles._may_contain(window):
                    needles._count_exactly(bytes(window), limit, tally.hits)
            if last:
                return
            view[:keep] = view[limit:filled]
            filled = keep
