"""Labels of the content formats (docs/formats/README.md §6). They share no text with `sealing.labels`."""

from __future__ import annotations

from typing import Final

from sealing.labels import Label

PACK_KEY: Final = Label(b"strongroom pack key v1")
PACK_COMMITMENT: Final = Label(b"strongroom pack commitment v1")
PACK_CHUNK: Final = Label(b"strongroom pack chunk v1")
PACK_FOOTER: Final = Label(b"strongroom pack footer v1")
PACK_TAIL: Final = Label(b"strongroom pack tail v1")
CHUNK_ID: Final = Label(b"strongroom chunk id v1")
CUT_SEED: Final = Label(b"strongroom cut seed v1")
STORE_INDEX: Final = Label(b"strongroom store index v1")
MANIFEST_IDS: Final = Label(b"strongroom manifest chunk ids v1")
SEGMENT_SEAL: Final = Label(b"strongroom spool segment seal v1")
SEGMENT_PIECE: Final = Label(b"strongroom spool piece v1")
