"""Packs made to hurt: what claims to unpack to gigabytes, and what on a disk is no file at all.

Whoever makes such a pack holds a data key (or the content would not open): a unit that was taken over, say.
Nothing is written outside the store, and memory stays flat, measured by the kernel's own high-water mark.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import zstandard

from appliance.backup.errors import ObjectMissing
from appliance.backup.targets.directory import DirectoryTarget
from appliance.content.engine.outlet import FileSink
from appliance.content.engine.store import Store
from appliance.content.errors import PackDamaged
from sealing.content.keys import HeldKeys
from sealing.secret import DataKey
from tests.appliance.content.conftest import ID_KEY, INDEX_KEY, Place
from tests.vectors.forge_content import Chunk, forge_pack

MIB = 1 << 20
BOMB = 512 * MIB  # what a frame of some tens of kilobytes unpacks to
FLAT = 48 * MIB  # by how much the process may grow meanwhile
KEYS = HeldKeys(None, {"ab" * 16: DataKey(b"d" * 32)}, {"main": ID_KEY})


def zeros() -> Iterator[bytes]:
    piece = bytes(MIB)
    for _ in range(BOMB // MIB):
        yield piece


def frame(*, size: int | None) -> bytes:
    """A zstd frame of BOMB zeros, made piece by piece; `size` is what its header says, None for nothing."""
    made = zstandard.ZstdCompressor(level=1, write_content_size=size is not None)
    packer = made.compressobj(size=BOMB if size is not None else -1)
    out = bytearray(b"".join(packer.compress(piece) for piece in zeros()) + packer.flush())
    if size is not None and size != BOMB:
        field = bytes(out).index(BOMB.to_bytes(4, "little"))  # Frame_Content_Size, RFC 8878 §3.1.1.1.4
        out[field : field + 4] = size.to_bytes(4, "little")
    return bytes(out)


def peak() -> int:
    """Most memory held at once since the last `forget_peak`, in bytes."""
    (line,) = [
        text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith("VmHWM")
    ]
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


@pytest.mark.parametrize("says", [BOMB, None, MIB], ids=["names its size", "names none", "lies"])
def test_a_decompression_bomb_is_refused_and_memory_stays_flat(
    place: Place, tmp_path: Path, says: int | None
) -> None:
    bomb = Chunk(b"", encoding=1, length=MIB, sealed=frame(size=says))
    pack = forge_pack([bomb], size=128 * 1024)
    outside = sorted(path for path in tmp_path.rglob("*") if place.root not in path.parents)
    with Store.open(place.root, keys=KEYS, index_key=INDEX_KEY) as store:
        forget_peak()
        before = peak()
        with pytest.raises(PackDamaged) as refused:
            store.adopt_pack([pack], sha256(pack).hexdigest())
        grown = peak() - before
        assert refused.value.facts["reason"] in ("encoding.chunk-length", "encoding.chunk-zstd")
        assert grown < FLAT
        assert store.packs() == []
    assert place.packs() == []
    after = sorted(path for path in tmp_path.rglob("*") if place.root not in path.parents)
    assert set(after) - set(outside) <= {place.root}


def test_the_meter_sees_a_bomb_that_goes_off() -> None:
    """The measure above can fail: unpacked without a limit, the same frame shows."""
    forget_peak()
    before = peak()
    data = zstandard.ZstdDecompressor().decompress(frame(size=BOMB))
    assert len(data) == BOMB
    assert peak() - before > FLAT
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0


def test_a_pipe_a_link_or_a_directory_under_a_packs_name_is_no_object(tmp_path: Path) -> None:
    """Nothing is followed and nothing is waited for."""
    secret = tmp_path / "secret"
    secret.write_text("not yours")
    disk = tmp_path / "disk"
    target = DirectoryTarget.from_settings({"path": str(disk)})
    (disk / "packs").mkdir(parents=True)
    os.mkfifo(disk / "packs" / "pipe.pack")
    (disk / "packs" / "link.pack").symlink_to(secret)
    (disk / "packs" / "deep.pack").mkdir()
    for name in ("pipe", "link", "deep"):
        assert target.stat(f"packs/{name}.pack") is None
        with pytest.raises(ObjectMissing):
            list(target.get(f"packs/{name}.pack", length=1))


def test_content_never_goes_through_a_link_that_lies_where_it_should(tmp_path: Path) -> None:
    """A file is made, never opened: what lies there already, link or file, is left alone."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "out").symlink_to(victim)
    for name in ("out", "victim"):
        with pytest.raises(FileExistsError):
            FileSink(tmp_path / name)
    assert victim.read_text() == "mine"
