"""An image header for tests: of two short files, by a unit whose images hold nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

from sealing.content.header import ChainLink, FileRef, ImageHeader
from tests.sealing.world import APPLIANCE, CUSTOMER, NOW


def image_header_of(image: str, *, serial: str, chain: ChainLink, **changes: Any) -> ImageHeader:
    """`changes` by the header's own names."""
    header = ImageHeader(
        image=image,
        serial=serial,
        customer=CUSTOMER.id,
        appliance=APPLIANCE.id,
        made_at=NOW + chain.sequence,
        started_at=NOW,
        key_id="ab" * 16,
        epoch=1,
        values=("v",),
        wrapped={},
        proof={"by": "drilled"},
        manifest=FileRef.of(b"m"),
        pack_list=FileRef.of(b"p"),
        packs=1,
        objects=0,
        content_bytes=0,
        stored_bytes=1,
        migrations={},
        release="0.1.0",
        chain=chain,
    )
    return dataclasses.replace(header, **changes)
