"""What an owner of the storage can tell of sealed packs: no nonce repeats, no known file is found by its ids,
and none of two alike by the sizes.

A sample in each run; a million seals and 5,000 games in `make attack-long`.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable

import pytest
from blake3 import blake3

from sealing.aead import Aead
from sealing.content import pack as packs
from sealing.content.ids import KIB, ChunkNamer, ChunkType
from sealing.content.keys import SealingKey
from sealing.content.pack import ENCODING_RAW, PackWriter
from sealing.secret import DataKey, SecretBytes
from tests.support import figures

SEALS = 1_000_000 if figures.LONG else 20_000
CHUNKS_A_PACK = 998  # and the seals of footer and tail: 1,000
GAMES = 5_000 if figures.LONG else 200
SAME_EACH_RUN = 20261128
CHANCE, MARGIN = 0.50, 0.05


class Watched(Aead):
    """Notes under which key and nonce it sealed. (A digest of the key: nothing secret is kept.)"""

    seen: set[bytes]
    seals: int

    def __init__(self, key: SecretBytes) -> None:
        super().__init__(key)
        self.under = hashlib.sha256(key.reveal()).digest()

    def seal(self, nonce: bytes, plaintext: object, aad: bytes) -> bytes:
        self._note(nonce)
        return super().seal(nonce, plaintext, aad)  # type: ignore[arg-type]

    def encrypt_into(self, nonce: bytes, plaintext: object, aad: bytes, out: object) -> int:
        self._note(nonce)
        return super().encrypt_into(nonce, plaintext, aad, out)  # type: ignore[arg-type]

    def _note(self, nonce: bytes) -> None:
        type(self).seals += 1
        type(self).seen.add(hashlib.blake2b(self.under + nonce, digest_size=12).digest())


def seal_packs(key: SealingKey, count: int) -> None:
    for _ in range(count):
        writer = PackWriter(key, lambda _data: None)
        for chunk in range(CHUNKS_A_PACK):
            writer.add(ChunkType.CONTENT, chunk.to_bytes(32, "big"), 1, ENCODING_RAW, b"x")
        writer.finish()


def in_a_clone(work: Callable[[], bytes]) -> bytes:
    """Do this in a copy of this very process, as a snapshot that is started twice; what it says."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writing, "wb") as out:
            out.write(work())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.timeout(1800)
def test_no_nonce_repeats_under_a_key_also_not_in_a_clone_of_the_machine(
    key: SealingKey, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packs, "Aead", Watched)
    Watched.seen, Watched.seals = set(), 0

    def work() -> bytes:
        seal_packs(key, SEALS // 2 // (CHUNKS_A_PACK + 2))
        return b"".join(Watched.seen)

    theirs = in_a_clone(work)
    work()
    Watched.seen |= {theirs[at : at + 12] for at in range(0, len(theirs), 12)}
    assert Watched.seals * 2 == SEALS
    with capsys.disabled():
        figures.note("nonces", f"{SEALS} seals, {SEALS - len(Watched.seen)} repeats", 0)
    assert len(Watched.seen) == SEALS


def packed(key: SealingKey, namer: ChunkNamer, content: bytes) -> bytes:
    """The pack that holds this file and nothing else: the storage's best case."""
    out = bytearray()
    writer = PackWriter(key, out.extend)
    at = 0
    for length in namer.cutter().cut(memoryview(content)):
        piece = content[at : at + length]
        encoding, encoded = writer.encode(piece)
        writer.add(ChunkType.CONTENT, namer.name(ChunkType.CONTENT, piece), length, encoding, encoded)
        at += length
    writer.finish()
    return bytes(out)


@pytest.mark.timeout(1800)
def test_a_known_file_is_not_found_by_ids_and_of_two_alike_none_by_sizes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The attacker holds both files and the whole program, has a unit of his own to try them on, and sees all
    bytes on the storage. Which of the two is there?

    The files have one length and do not compress: of others, padding hides the difference to a step only.
    """
    seed = figures.seed() if figures.LONG else SAME_EACH_RUN  # so few games end beyond the margin by luck
    rng = random.Random(seed)
    own_key, own_namer = SealingKey("ef" * 16, DataKey(b"a" * 32)), ChunkNamer(DataKey(b"t" * 32))
    right = hits = 0
    for _ in range(GAMES):
        length = rng.randrange(100 * KIB, 400 * KIB)
        both = [rng.randbytes(length) for _ in range(2)]
        stored = rng.randrange(2)
        key = SealingKey("ab" * 16, DataKey(rng.randbytes(32)))
        seen = packed(key, ChunkNamer(DataKey(rng.randbytes(32))), both[stored])
        tried = [packed(own_key, own_namer, content) for content in both]
        known = [digest(piece) for piece in (both[stored], both[stored][: 64 * KIB]) for digest in DIGESTS]
        known += [own_namer.name(kind, both[stored]) for kind in ChunkType]
        hits += sum(name in seen for name in known)
        fitting = [at for at in range(2) if len(tried[at]) == len(seen)]
        right += (fitting[0] if len(fitting) == 1 else rng.randrange(2)) == stored
    with capsys.disabled():
        figures.note("known files", f"{hits} hits by ids; {right} of {GAMES} guessed by sizes", seed)
    assert hits == 0
    assert right / GAMES <= CHANCE + MARGIN


DIGESTS: tuple[Callable[[bytes], bytes], ...] = (
    lambda data: hashlib.sha256(data).digest(),
    lambda data: hashlib.sha384(data).digest(),
    lambda data: blake3(data).digest(),
    lambda data: data[:32],
)
