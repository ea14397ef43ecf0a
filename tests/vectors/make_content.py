"""Makes tests/vectors/content.json: packs, recipes, manifests, headers and segments with one fault each.

python -m tests.vectors.make_content
"""

from __future__ import annotations

import base64
import json
import struct
import uuid
from pathlib import Path
from typing import Any

from sealing.content.segment import SegmentWriter
from sealing.hpke import KemPrivateKey
from sealing.secret import KemSeed
from tests.vectors import forge_content as forge
from tests.vectors.faults_image import header_faults, manifest_faults, vector
from tests.vectors.forge_content import Chunk, extent, forge_pack, page, page_ref, root

FILE = Path(__file__).with_name("content.json")
UPLOAD = uuid.UUID("00000000-0000-4000-8000-000000000001")
BYTES = bytes(range(256))
GOOD = forge.GOOD_CHUNKS


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def flip(at: int) -> dict[str, Any]:
    return {"flip": at}


def make() -> dict[str, Any]:
    """World, good material, and faults."""
    base = forge_pack(GOOD)
    segment = make_segment()
    return {
        "world": {
            "data_key": forge.DATA_KEY.hex(),
            "key_id": forge.KEY_ID.hex(),
            "id_key": forge.ID_KEY.hex(),
            "spool_seed": forge.SPOOL_SEED.hex(),
            "upload": str(UPLOAD),
        },
        "base": {**{name: b64(data) for name, data in bases().items()}, "segment": b64(segment)},
        "vectors": [
            *pack_faults(base),
            *recipe_faults(),
            *manifest_faults(),
            *header_faults(),
            *segment_faults(segment),
        ],
    }


def bases() -> dict[str, bytes]:
    """Good packs that the forged ones are stored as differences to."""
    small = {f"small-{encoding}": forge_pack([Chunk(BYTES, encoding=encoding)]) for encoding in (0, 1)}
    return {"pack": forge_pack(GOOD), **small}


def nearest(data: bytes) -> dict[str, Any]:
    """`data` as runs of bytes that differ from the base they differ least from."""
    found = {name: runs(base, data) for name, base in bases().items()}
    name = min(found, key=lambda one: sum(len(text) for _, text in found[one]))
    return {"base": name, "change": {"runs": found[name]}}


def runs(base: bytes, data: bytes) -> list[tuple[int, str]]:
    """[(offset, hex)] that turn `base` into `data`, which has the same length."""
    differing = [at for at in range(len(base)) if base[at] != data[at]]
    found: list[list[int]] = []
    for at in differing:
        if found and at - found[-1][1] < 8:
            found[-1][1] = at
        else:
            found.append([at, at])
    return [(first, data[first : last + 1].hex()) for first, last in found]


def pack_faults(base: bytes) -> list[dict[str, Any]]:
    end = len(base)

    def patched(name: str, code: str, **change: Any) -> dict[str, Any]:
        return vector(name, "pack", code, change=change)

    def forged(name: str, code: str, chunks: list[Chunk] = GOOD, **fault: Any) -> dict[str, Any]:
        return vector(name, "pack", code, **nearest(forge_pack(chunks, **fault)))

    big = Chunk(b"x" * 2_000_000, encoding=1, length=1000, listed={"length": 1000})
    return [
        patched("pack-empty", "encoding.pack-size", truncate=0),
        patched("pack-one-byte-short", "encoding.pack-size", truncate=end - 1),
        patched("pack-one-byte-more", "encoding.pack-size", append=1),
        patched("pack-a-step-more", "seal.does-not-open", append=65536),
        patched("pack-of-another-version", "header.pack-magic", **flip(7)),
        patched("pack-header-key-id-flipped", "encoding.pack-header", **flip(8)),
        patched("pack-header-salt-flipped", "encoding.pack-header", **flip(30)),
        patched("pack-header-commitment-flipped", "encoding.pack-header", **flip(60)),
        patched("pack-header-checksum-flipped", "encoding.pack-header", **flip(100)),
        patched("pack-chunk-flipped", "seal.does-not-open", **flip(130)),
        patched("pack-last-chunk-flipped", "seal.does-not-open", **flip(500)),
        patched("pack-footer-flipped", "seal.does-not-open", **flip(2000)),
        patched("pack-tail-flipped", "seal.does-not-open", **flip(end - 1)),
        vector("pack-key-not-held", "pack", "binding.data-key", change={}, keys="none"),
        vector("pack-another-key", "pack", "commitment.another-key", change={}, keys="other"),
        forged("pack-footer-count-high", "encoding.pack-footer", footer_count=3),
        forged("pack-tail-count-low", "encoding.pack-footer", tail_count=1),
        forged("pack-tail-count-zero", "encoding.pack-tail", tail_count=0),
        forged("pack-tail-count-beyond-the-limit", "encoding.pack-tail", tail_count=65_537),
        forged("pack-tail-reserved-not-zero", "encoding.pack-tail", reserved=1),
        forged("pack-tail-offset-beyond-the-end", "encoding.pack-tail", tail_offset=2**40),
        forged("pack-padding-not-zero", "encoding.pack-footer", padding=b"\x01"),
        forged("pack-gap-before-the-footer", "encoding.pack-footer", gap=b"hidden"),
        forged("pack-unknown-chunk-type", "encoding.pack-footer", [Chunk(BYTES, kind=9)]),
        forged("pack-unknown-encoding", "encoding.pack-footer", [Chunk(BYTES, encoding=2)]),
        forged("pack-chunk-listed-as-another-type", "seal.does-not-open", [Chunk(BYTES, seal_kind=2)]),
        forged("pack-chunk-with-anothers-nonce", "seal.does-not-open", [Chunk(BYTES, seal_number=5)]),
        forged("pack-chunk-length-zero", "encoding.pack-footer", [Chunk(BYTES, listed={"length": 0})]),
        forged(
            "pack-chunk-length-beyond-the-limit",
            "encoding.pack-footer",
            [Chunk(BYTES, listed={"length": 2**20 + 1})],
        ),
        forged("pack-chunk-listed-longer", "encoding.chunk-length", [Chunk(BYTES, listed={"length": 257})]),
        forged("pack-raw-chunk-two-lengths", "encoding.chunk-length", [Chunk(BYTES, length=255)]),
        forged("pack-chunk-not-its-id", "encoding.chunk-id", [Chunk(BYTES, id=bytes(32))]),
        forged(
            "pack-content-with-the-id-of-a-recipe",
            "encoding.chunk-id",
            [Chunk(BYTES, id=forge.chunk_id(3, BYTES))],
        ),
        forged("pack-compressed-to-more-than-it-says", "encoding.chunk-length", [big]),
        forged(
            "pack-compressed-without-a-length",
            "encoding.chunk-length",
            [Chunk(BYTES, encoding=1, sealed=_frame_without_size())],
        ),
        forged("pack-not-compressed-at-all", "encoding.chunk-zstd", [Chunk(BYTES, encoding=1, sealed=BYTES)]),
        forged(
            "pack-bytes-after-the-frame",
            "encoding.chunk-zstd",
            [Chunk(BYTES, encoding=1, sealed=forge.compress(BYTES) + b"more")],
        ),
    ]


def _frame_without_size() -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=1, write_content_size=False).compress(BYTES)


def recipe_faults() -> list[dict[str, Any]]:
    name = forge.chunk_id(1, BYTES)
    good = page(extent(1, 256, name), extent(2, 44))

    def recipe(
        title: str, code: str, *pages: bytes, made_root: bytes | None = None, extents: int = 2
    ) -> dict[str, Any]:
        refs = [page_ref(300, extents, forge.chunk_id(2, one)) for one in pages]
        text = root(300, 256, *refs) if made_root is None else made_root
        return vector(title, "recipe", code, root=text.hex(), pages=[one.hex() for one in pages])

    ref = page_ref(300, 2, forge.chunk_id(2, good))
    return [
        recipe("recipe-empty", "encoding.recipe-root", good, made_root=b""),
        recipe(
            "recipe-of-another-version",
            "header.recipe-magic",
            good,
            made_root=root(300, 256, ref, magic=b"STRRCPR2"),
        ),
        recipe(
            "recipe-page-of-another-version",
            "header.recipe-magic",
            page(extent(1, 256, name), extent(2, 44), magic=b"STRRCPP2"),
        ),
        recipe(
            "recipe-count-of-pages-high", "encoding.recipe-root", good, made_root=root(300, 256, ref, count=2)
        ),
        recipe(
            "recipe-bytes-after-the-pages", "encoding.recipe-root", good, made_root=root(300, 256, ref) + b"x"
        ),
        recipe("recipe-size-beyond-the-limit", "encoding.recipe-root", good, made_root=root(2**53, 256, ref)),
        recipe("recipe-more-data-than-size", "encoding.recipe-root", good, made_root=root(300, 301, ref)),
        recipe(
            "recipe-size-larger-than-its-pages", "encoding.recipe-root", good, made_root=root(301, 256, ref)
        ),
        recipe("recipe-data-size-not-its-pages", "encoding.recipe-root", good, made_root=root(300, 255, ref)),
        recipe(
            "recipe-page-size-not-its-extents",
            "encoding.recipe-page",
            page(extent(1, 256, name), extent(2, 43)),
        ),
        recipe(
            "recipe-short-page-before-the-last",
            "encoding.recipe-root",
            good,
            made_root=root(600, 512, ref, ref),
        ),
        recipe("recipe-page-too-short", "encoding.recipe-page", b"STRRCPP1"),
        recipe("recipe-page-count-not-the-roots", "encoding.recipe-page", good, extents=3),
        recipe("recipe-page-bytes-after-the-extents", "encoding.recipe-page", good + b"x"),
        recipe(
            "recipe-unknown-kind-of-extent", "encoding.recipe-page", page(extent(1, 256, name), extent(3, 44))
        ),
        recipe("recipe-chunk-of-no-length", "encoding.recipe-page", page(extent(1, 0, name), extent(2, 300))),
        recipe(
            "recipe-chunk-beyond-the-limit",
            "encoding.recipe-page",
            page(extent(1, 2**20 + 1, name), extent(2, 44)),
        ),
        recipe(
            "recipe-hole-with-an-id", "encoding.recipe-page", page(extent(1, 256, name), extent(2, 44, name))
        ),
        recipe("recipe-hole-of-no-length", "encoding.recipe-page", page(extent(1, 256, name), extent(2, 0))),
        recipe("recipe-two-holes-side-by-side", "encoding.recipe-page", page(extent(2, 256), extent(2, 44))),
    ]


def make_segment() -> bytes:
    """300,000 bytes in one segment. Its key is random, so this is stored, not compared."""
    out = bytearray()
    writer = SegmentWriter(KemPrivateKey(KemSeed(forge.SPOOL_SEED)).public, UPLOAD, 0, out.extend)
    writer.add(segment_content())
    writer.finish()
    return bytes(out)


def segment_content() -> bytes:
    return (BYTES * 1200)[:300_000]


def segment_faults(base: bytes) -> list[dict[str, Any]]:
    def patched(name: str, code: str, **change: Any) -> dict[str, Any]:
        return vector(name, "segment", code, change=change)

    first = 32 + 1168  # of the first piece's head
    second = first + 5 + 262_144 + 16
    return [
        patched("segment-empty", "encoding.segment-short", truncate=0),
        patched("segment-of-another-version", "header.segment-magic", **flip(7)),
        patched("segment-of-another-upload", "binding.segment-place", **flip(8)),
        patched("segment-of-another-offset", "binding.segment-place", **flip(31)),
        patched("segment-key-flipped", "seal.does-not-open", **flip(1000)),
        patched("segment-cut-within-its-key", "encoding.segment-short", truncate=500),
        patched("segment-cut-at-a-piece", "encoding.segment-short", truncate=second),
        patched("segment-without-its-last-piece", "encoding.segment-short", truncate=len(base) - 21),
        patched("segment-cut-within-a-piece", "encoding.segment-short", truncate=second + 100),
        patched("segment-piece-flipped", "seal.does-not-open", **flip(first + 5)),
        patched("segment-mark-flipped", "encoding.segment-piece", **flip(first)),
        patched("segment-unknown-mark", "encoding.segment-piece", put=[first, "07"]),
        patched("segment-piece-of-no-length", "encoding.segment-piece", put=[first + 1, "00000000"]),
        patched(
            "segment-piece-beyond-the-limit",
            "encoding.segment-piece",
            put=[first + 1, struct.pack(">I", 262_145).hex()],
        ),
        patched(
            "segment-piece-shortened", "seal.does-not-open", put=[first + 1, struct.pack(">I", 1000).hex()]
        ),
        patched("segment-bytes-after-its-end", "encoding.segment-end", append=1),
    ]


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), indent=1) + "\n")
