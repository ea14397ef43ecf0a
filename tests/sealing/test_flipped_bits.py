"""Every bit of signed documents and of a header flipped: nothing is accepted, only refusals are raised.

The normal run takes an evenly spread sample; `STRONGROOM_LONG=1` takes every bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from sealing.errors import Refused
from sealing.identity import make_request, read_request
from tests.sealing.procedures import perform
from tests.sealing.test_mutations import documents
from tests.support import figures
from tests.vectors.scene import Scene

SAMPLE = 0 if figures.LONG else 1500


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


def flips(text: str, sample: int) -> list[str]:
    """The text with one bit flipped, each bit or an evenly spread sample, bytes read as Latin-1."""
    raw = text.encode("ascii")
    bits = len(raw) * 8
    # A stride without common factor with 8 visits every bit position of a byte.
    chosen = range(bits) if sample == 0 else [(i * (bits // sample | 1)) % bits for i in range(sample)]
    made = []
    for bit in chosen:
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << (bit % 8)
        made.append(changed.decode("latin-1"))
    return made


def outcome(vector: dict[str, Any], world: dict[str, Any]) -> str:
    """Layer of the refusal, or `accepted`."""
    try:
        perform(vector, world)
    except Refused as refusal:
        return refusal.layer
    return "accepted"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("name", "do"),
    [
        ("value", "open value"),
        ("transfer", "open transfer"),
        ("receipt", "receipt for value"),
        ("installation", "installation of transfer"),
    ],
)
def test_no_flipped_bit_is_accepted(name: str, do: str, scene: Scene) -> None:
    world = {**scene.world(), "trust": scene.trust}
    counts = Counter(
        outcome({"do": do, "given": {"text": text}}, world) for text in flips(getattr(scene, name), SAMPLE)
    )
    _refused_all(name, counts)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["image header", "deletion record"])
def test_no_flipped_bit_of_a_document_on_a_target_is_accepted(name: str, scene: Scene) -> None:
    good, read = documents(scene)[name]
    counts = Counter(layer_of(read, text.encode("latin-1")) for text in flips(good.decode(), SAMPLE))
    _refused_all(name, counts)


def layer_of(read: Callable[[bytes], object], data: bytes) -> str:
    """Layer of the refusal, or `accepted`."""
    try:
        read(data)
    except Refused as refusal:
        return refusal.layer
    return "accepted"


def _refused_all(name: str, counts: Counter[str]) -> None:
    figures.note(f"flipped bits, {name}", f"{counts['accepted']} of {counts.total()} accepted", 0)
    assert counts["accepted"] == 0
    assert counts["encoding"] > 0
    assert counts["signature"] > 0


@pytest.mark.timeout(1800)
def test_no_flipped_bit_of_a_certificate_is_accepted(scene: Scene) -> None:
    accepted = []
    for index, der in enumerate(scene.source.signer.chain):
        for bit in range(len(der) * 8):
            changed = bytearray(der)
            changed[bit // 8] ^= 1 << (bit % 8)
            chain = list(scene.source.signer.chain)
            chain[index] = bytes(changed)
            accepted += _accepted(scene, tuple(chain), (index, bit))
    assert accepted == []


def test_no_flipped_bit_of_a_certification_request_gives_another_request(scene: Scene) -> None:
    der = make_request(scene.source.signing, scene.source.serial)
    read = {outcome_of_request(der, bit) for bit in range(len(der) * 8)}
    # What the signature does not cover may be spelled otherwise; it says the same.
    assert read <= {"chain", "encoding", scene.source.serial}


def outcome_of_request(der: bytes, bit: int) -> str:
    """Layer of the refusal, or the serial that was read."""
    changed = bytearray(der)
    changed[bit // 8] ^= 1 << (bit % 8)
    try:
        return read_request(bytes(changed)).serial
    except Refused as refusal:
        return refusal.layer


def _accepted(scene: Scene, chain: tuple[bytes, ...], what: tuple[int, int]) -> list[tuple[int, int]]:
    try:
        scene.trust.unit(chain)
    except Refused:
        return []
    return [what]
