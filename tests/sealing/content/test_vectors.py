"""Vectors of one fault each: the layer that must refuse is the layer that refuses."""

from __future__ import annotations

import base64
import functools
import io
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from sealing.content import manifest as manifests
from sealing.content.header import parse_claims
from sealing.content.ids import ChunkNamer, ChunkType
from sealing.content.keys import HeldKeys, SealingKey
from sealing.content.pack import ChunkDecoder, PackReader, PackWriter
from sealing.content.recipe import RecipeReader
from sealing.content.segment import read_segment
from sealing.errors import LAYERS, Refused
from sealing.hpke import KemPrivateKey
from sealing.secret import DataKey, IdKey, KemSeed
from tests.vectors import faults_image, make_content
from tests.vectors.forge_content import Chunk, chunk_id, forge_pack

STORED = json.loads(make_content.FILE.read_text())
VECTORS = STORED["vectors"]
WORLD = STORED["world"]
NAMER = ChunkNamer(IdKey(bytes.fromhex(WORLD["id_key"])))
KEY = SealingKey(WORLD["key_id"], DataKey(bytes.fromhex(WORLD["data_key"])))
KEY_RINGS = {
    "right": HeldKeys(KEY, {}, {}),
    "none": HeldKeys(None, {}, {}),
    "other": HeldKeys(SealingKey(WORLD["key_id"], DataKey(b"?" * 32)), {}, {}),
}
CHANGES: dict[str, Callable[[bytes, Any], bytes]] = {
    "flip": lambda data, at: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :],
    "truncate": lambda data, size: data[:size],
    "append": lambda data, count: data + bytes(count),
    "put": lambda data, what: put(data, *what),
    "runs": lambda data, runs: functools.reduce(lambda so_far, run: put(so_far, *run), runs, data),
}


def put(data: bytes, at: int, text: str) -> bytes:
    return data[:at] + bytes.fromhex(text) + data[at + len(text) // 2 :]


def changed(base: str, change: dict[str, Any]) -> bytes:
    data = base64.b64decode(STORED["base"][base])
    for kind, argument in change.items():
        data = CHANGES[kind](data, argument)
    return data


def read_pack(data: bytes, keys: str = "right") -> list[bytes]:
    reader = PackReader(
        lambda offset, length: data[offset : offset + length], len(data), KEY_RINGS[keys].opening_key
    )
    entries = list(reader.check_all([NAMER], ChunkDecoder()))
    return [bytes(reader.open_chunk(entry, ChunkDecoder())) for entry in entries]


def pack(vector: dict[str, Any]) -> Any:
    data = changed(vector.get("base", "pack"), vector.get("change", {}))
    return read_pack(data, vector.get("keys", "right"))


def recipe(vector: dict[str, Any]) -> Any:
    pages = [bytes.fromhex(page) for page in vector["pages"]]
    stored = {(ChunkType.RECIPE_PAGE, chunk_id(2, page)): page for page in pages}
    stored[(ChunkType.RECIPE_ROOT, b"root")] = bytes.fromhex(vector["root"])
    return list(RecipeReader(lambda kind, name: stored[(kind, name)], b"root").extents())


def manifest(vector: dict[str, Any]) -> Any:
    out = bytearray()
    text = vector["text"].encode()
    writer = PackWriter(KEY, out.extend)
    kind = ChunkType(vector["chunk_type"])
    encoding, encoded = writer.encode(text)
    writer.add(kind, manifests._namer(KEY.key).name(kind, text), len(text), encoding, encoded)
    writer.finish()
    return manifests.open_manifest(bytes(out), KEY)


def segment(vector: dict[str, Any]) -> Any:
    data = io.BytesIO(changed("segment", vector["change"]))
    private = KemPrivateKey(KemSeed(bytes.fromhex(WORLD["spool_seed"])))
    return b"".join(read_segment(data.read, private, uuid.UUID(WORLD["upload"]), 0))


def header(vector: dict[str, Any]) -> Any:
    return parse_claims(vector["claims"])


READERS = {"pack": pack, "recipe": recipe, "manifest": manifest, "segment": segment, "header": header}


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_a_fault_is_refused_in_its_layer(vector: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        READERS[vector["what"]](vector)
    assert (refused.value.code, refused.value.layer) == (vector["code"], vector["layer"])


def test_every_vector_names_a_known_layer_and_has_a_name_of_its_own() -> None:
    assert {vector["layer"] for vector in VECTORS} <= set(LAYERS)
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS) >= 100


def test_the_stored_pack_opens_to_its_chunks() -> None:
    assert pack({}) == [chunk.content for chunk in make_content.GOOD]


def test_the_stored_segment_opens_to_its_content() -> None:
    assert segment({"change": {}}) == make_content.segment_content()


def test_a_good_manifest_opens() -> None:
    lines = faults_image.manifest_lines()
    text = "".join(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n" for line in lines)
    opened = manifest({"text": text, "chunk_type": 4})
    assert [item.name for item in opened.objects] == ["Debian 12"]
    assert opened.data_keys == ("ab" * 16,)


def test_good_claims_of_a_header_are_read_back_as_they_were() -> None:
    good = faults_image.good_header()
    assert parse_claims(good.claims()) == good


def test_the_second_writer_still_makes_the_stored_pack() -> None:
    assert forge_pack(make_content.GOOD) == base64.b64decode(STORED["base"]["pack"])


def test_the_script_makes_the_stored_faults() -> None:
    fresh = make_content.make()["vectors"]
    assert [(v["name"], v["code"]) for v in fresh] == [(v["name"], v["code"]) for v in VECTORS]


def test_a_pack_of_recipe_chunks_is_read_by_type() -> None:
    data = forge_pack([Chunk(b"page", kind=2), Chunk(b"root", kind=3)])
    assert read_pack(data) == [b"page", b"root"]
