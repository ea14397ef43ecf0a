"""Mutated inputs to every parser of sealed and signed material: none is accepted, none ends but in a refusal.

2,000 in each run, spread over the parsers; 10,000 for each of them in `make attack-long`.
"""

from __future__ import annotations

import base64
import io
import json
import random
import uuid
from pathlib import Path
from typing import Any

import pytest

from sealing.content import manifest as manifests
from sealing.content.header import ChainLink, ImageHeader
from sealing.content.keys import HeldKeys, SealingKey
from sealing.content.pack import ChunkDecoder, PackReader
from sealing.content.segment import read_segment
from sealing.documents import deletion_record, image_header
from sealing.encoding import from_b64u
from sealing.errors import Refused
from sealing.hpke import KemPrivateKey
from sealing.keyring_file import open_keyring
from sealing.secret import DataKey, KemSeed
from sealing.vault import SoftwareVault
from tests.sealing.content.test_manifest import manifest as an_image_manifest
from tests.sealing.content.test_vectors import KEY, NAMER
from tests.sealing.content.test_vectors import STORED as CONTENT
from tests.sealing.procedures import perform
from tests.sealing.test_vault import HeldRoot
from tests.support import figures
from tests.support.headers import image_header_of
from tests.support.mutations import Read, judge
from tests.vectors.make_deletion import record
from tests.vectors.scene import Scene

IN_EACH_RUN, IN_A_LONG_RUN = 2_000, 10_000
# A passphrase is stretched before anything can be told, a tenth of a second each.
SLOW = {"key file": 100}
VECTORS = Path(__file__).parents[1] / "vectors"


def documents(scene: Scene) -> dict[str, tuple[bytes, Read]]:
    """Every signed or sealed text, and the reader that a receiver of it uses."""
    world = {**scene.world(), "trust": scene.trust}

    def reader(vector: dict[str, Any]) -> Read:
        asked = world if "rosters" not in vector["given"] else scene.world()
        return lambda data: perform(
            {**vector, "given": {**vector["given"], "text": data.decode("latin-1")}}, asked
        )

    good = [vector for vector in scene.good() if "text" in vector["given"]]
    found = {vector["name"]: (vector["given"]["text"].encode(), reader(vector)) for vector in good}
    header = image_header.issue(header_of(scene), scene.source.signer)
    found["image header"] = (header.encode(), lambda d: image_header.read(d.decode("latin-1"), scene.trust))
    gone = deletion_record.issue(record(scene.source.serial), scene.source.signer)
    found["deletion record"] = (
        gone.encode(),
        lambda d: deletion_record.read(d.decode("latin-1"), scene.trust),
    )
    return found


def header_of(scene: Scene) -> ImageHeader:
    chain = ChainLink(str(uuid.UUID(int=5)), 1, None, None)
    return image_header_of(
        str(uuid.UUID(int=7)), serial=scene.source.serial, chain=chain, values=(scene.value,)
    )


def files() -> dict[str, tuple[bytes, Read]]:
    """Every sealed file."""
    world, base = CONTENT["world"], {name: base64.b64decode(text) for name, text in CONTENT["base"].items()}
    held = HeldKeys(KEY, {}, {})

    def pack(data: bytes) -> None:
        reader = PackReader(
            lambda offset, length: data[offset : offset + length], len(data), held.opening_key
        )
        list(reader.check_all([NAMER], ChunkDecoder()))

    def segment(data: bytes) -> None:
        private = KemPrivateKey(KemSeed(bytes.fromhex(world["spool_seed"])))
        b"".join(read_segment(io.BytesIO(data).read, private, uuid.UUID(world["upload"]), 0))

    manifest_key = SealingKey("ab" * 16, DataKey(b"m" * 32))
    manifest = manifests.seal_manifest(an_image_manifest(), manifest_key)
    ring = json.loads((VECTORS / "keyring.json").read_text(encoding="utf-8"))["good"]
    slot = json.loads((VECTORS / "vault.json").read_text(encoding="utf-8"))["good"]
    ring_vault = SoftwareVault(HeldRoot(from_b64u(ring["root"])))
    slot_vault = SoftwareVault(HeldRoot(from_b64u(slot["root"])))
    return {
        "pack": (base["pack"], pack),
        "spool segment": (base["segment"], segment),
        "image manifest": (manifest, lambda data: manifests.open_manifest(data, manifest_key)),
        "keyring": (
            from_b64u(ring["file"]),
            lambda data: open_keyring(ring_vault, data, version=ring["version"]),
        ),
        "vault slot": (from_b64u(slot["file"]), lambda data: slot_vault.open(slot["slot"], data)),
    }


def test_no_mutated_input_is_accepted_by_any_parser(capsys: pytest.CaptureFixture[str]) -> None:
    seed = figures.seed()
    rng = random.Random(seed)
    parsers = documents(Scene()) | files()
    each = IN_A_LONG_RUN if figures.LONG else -(-IN_EACH_RUN // (len(parsers) - len(SLOW)))
    texts = [good for good, _ in parsers.values()]
    tried = 0
    wrong: dict[str, int] = {}
    for name, (good, read) in parsers.items():
        read(good)  # what is damaged below is good before
        count = SLOW[name] // (1 if figures.LONG else 20) if name in SLOW else each
        found = judge(good, read, (Refused,), count, rng, texts)
        tried += count
        wrong |= {f"{name}, {what}": number for what, number in found.items() if what != "refused"}
    with capsys.disabled():
        figures.note(
            "mutated documents and sealed files",
            f"{tried} to {len(parsers)} parsers, {len(wrong)} accepted or uncaught",
            seed,
        )
    assert wrong == {}
    assert tried >= IN_EACH_RUN
