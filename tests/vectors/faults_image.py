"""Faults of image manifests and image headers, one each."""

from __future__ import annotations

from typing import Any

from sealing.content.header import ChainLink, FileRef, ImageHeader
from sealing.encoding import canonical_json


def vector(name: str, what: str, code: str, **material: Any) -> dict[str, Any]:
    """A fault with the layer and code that must refuse it."""
    return {"name": name, "what": what, "layer": code.partition(".")[0], "code": code, **material}


def manifest_lines() -> list[dict[str, Any]]:
    """The records of a good manifest."""
    return [
        {
            "format": "strongroom-manifest",
            "version": 1,
            "image": "00000000-0000-4000-8000-000000000002",
            "made_at": "2026-11-23T10:00:00Z",
            "tenant": "main",
            "database": "11" * 32,
            "database_size": 4096,
            "facts": {},
        },
        {
            "object": "00000000-0000-4000-8000-000000000003",
            "kind": "virtual-image",
            "name": "Debian 12",
            "recipe": "22" * 32,
            "size": 300,
            "sha256": None,
            "metadata": {},
        },
        {"pack": "33" * 32, "size": 65536, "data_key": "ab" * 16},
        {"pack": "44" * 32, "size": 65536, "data_key": "ab" * 16},
        {"end": True, "objects": 1, "packs": 2},
    ]


def manifest_faults() -> list[dict[str, Any]]:
    head, item, first, second, end = manifest_lines()

    def manifest(
        name: str, code: str, *records: dict[str, Any], raw: bytes = b"", kind: int = 4
    ) -> dict[str, Any]:
        text = b"".join(canonical_json(record) + b"\n" for record in records) + raw
        return vector(name, "manifest", code, text=text.decode(), chunk_type=kind)

    return [
        manifest(
            "manifest-of-another-version",
            "header.manifest-version",
            {**head, "version": 2},
            item,
            first,
            second,
            end,
        ),
        manifest(
            "manifest-of-another-format",
            "header.manifest-version",
            {**head, "format": "other"},
            item,
            first,
            second,
            end,
        ),
        manifest(
            "manifest-in-chunks-of-content", "header.manifest-type", head, item, first, second, end, kind=1
        ),
        manifest("manifest-without-an-end", "encoding.manifest-end", head, item, first, second),
        manifest("manifest-of-an-empty-line", "encoding.json", raw=b"\n"),
        manifest(
            "manifest-cut-within-a-record",
            "encoding.manifest-end",
            head,
            item,
            first,
            second,
            raw=canonical_json(end),
        ),
        manifest(
            "manifest-goes-on-after-its-end", "encoding.manifest-end", head, item, first, second, end, first
        ),
        manifest("manifest-one-object-less-than-counted", "encoding.manifest-end", head, first, second, end),
        manifest("manifest-one-pack-less-than-counted", "encoding.manifest-end", head, item, first, end),
        manifest("manifest-object-after-a-pack", "encoding.manifest-order", head, first, item, second, end),
        manifest("manifest-packs-out-of-order", "encoding.manifest-pack", head, item, second, first, end),
        manifest("manifest-a-pack-twice", "encoding.manifest-pack", head, item, first, first, end),
        manifest(
            "manifest-pack-name-not-a-digest",
            "encoding.manifest-pack",
            head,
            item,
            {**first, "pack": "../33"},
            second,
            end,
        ),
        manifest(
            "manifest-pack-size-beyond-the-limit",
            "encoding.manifest-pack",
            head,
            item,
            {**first, "size": 2**27},
            second,
            end,
        ),
        manifest(
            "manifest-recipe-not-a-digest",
            "encoding.manifest-object",
            head,
            {**item, "recipe": "22"},
            first,
            second,
            end,
        ),
        manifest(
            "manifest-object-of-negative-size",
            "encoding.manifest-object",
            head,
            {**item, "size": -1},
            first,
            second,
            end,
        ),
        manifest(
            "manifest-unknown-member",
            "encoding.manifest-members",
            head,
            {**item, "owner": "x"},
            first,
            second,
            end,
        ),
        manifest(
            "manifest-member-of-another-type",
            "encoding.manifest-members",
            head,
            {**item, "size": "300"},
            first,
            second,
            end,
        ),
        manifest(
            "manifest-size-is-true",
            "encoding.manifest-members",
            head,
            item,
            {**first, "size": True},
            second,
            end,
        ),
        manifest("manifest-not-canonical", "encoding.json-not-canonical", head, raw=b'{"end": true}\n'),
    ]


def good_header() -> ImageHeader:
    """Claims of the second image of a chain."""
    return ImageHeader(
        image="00000000-0000-4000-8000-000000000002",
        serial="SR-0001",
        customer="00000000-0000-4000-8000-00000000000c",
        appliance="00000000-0000-4000-8000-00000000000a",
        made_at=1_795_428_000,
        started_at=1_795_427_990,
        key_id="cd" * 16,
        epoch=1,
        values=("value",),
        wrapped={},
        proof={"by": "drilled"},
        manifest=FileRef("55" * 32, 65536),
        pack_list=FileRef("66" * 32, 300),
        packs=2,
        objects=1,
        content_bytes=300,
        stored_bytes=131_072,
        migrations={"accounts": "0001_initial"},
        release="0.1.0",
        chain=ChainLink("00000000-0000-4000-8000-00000000000b", 2, "77" * 32),
    )


def header_faults() -> list[dict[str, Any]]:
    good = good_header().claims()

    def header(name: str, code: str, **change: Any) -> dict[str, Any]:
        return vector(name, "header", code, claims={**good, **change})

    chain = good["chain"]
    lacking = {name: value for name, value in good.items() if name != "epoch"}
    return [
        header("header-of-another-version", "header.image-version", version=2),
        header("header-of-another-format", "header.image-version", format="other"),
        header("header-unknown-member", "encoding.image-members", owner="x"),
        vector("header-member-missing", "header", "encoding.image-members", claims=lacking),
        header("header-without-a-value", "encoding.image-values", values=[]),
        header("header-with-too-many-values", "encoding.image-values", values=["value"] * 17),
        header("header-value-not-a-text", "encoding.image-members", values=[1]),
        header("header-proof-unknown", "encoding.image-proof", proof={"by": "believed"}),
        header("header-epoch-negative", "encoding.image-members", epoch=-1),
        header("header-epoch-is-true", "encoding.image-members", epoch=True),
        header("header-serial-with-a-line-break", "encoding.image-members", serial="SR-1\n"),
        header("header-image-with-a-path", "encoding.image-members", image="../x"),
        header(
            "header-manifest-digest-short", "encoding.image-members", manifest={"sha256": "55", "size": 1}
        ),
        header("header-manifest-digest-null", "encoding.image-members", manifest={"sha256": None, "size": 1}),
        header("header-first-names-one-before", "encoding.image-chain", chain={**chain, "sequence": 1}),
        header("header-second-names-none-before", "encoding.image-chain", chain={**chain, "previous": None}),
        header(
            "header-sequence-zero", "encoding.image-chain", chain={**chain, "sequence": 0, "previous": None}
        ),
        header("header-migration-with-a-path", "encoding.image-members", migrations={"accounts": "../x"}),
    ]
