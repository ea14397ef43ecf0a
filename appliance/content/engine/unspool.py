"""Reading an upload from the spool: engine side, the only one that can."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.content import spool
from appliance.content.errors import SpoolDamaged
from sealing.content.segment import read_segment
from sealing.errors import Refused
from sealing.hpke import KemPrivateKey


class SpoolReader:
    """The bytes of one upload in order, each piece authenticated. A readable; use it once."""

    def __init__(self, place: Path, upload: uuid.UUID, length: int, private: KemPrivateKey) -> None:
        self._place: Final = place
        self._upload: Final = upload
        self._length: Final = length
        self._private: Final = private
        self._pieces: Final = self._all()
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; empty only at the end."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

    def _all(self) -> Iterator[bytes]:
        offset = 0
        while offset < self._length:
            before = offset
            for piece in self._segment(offset):
                offset += len(piece)
                yield piece
            if offset == before or offset > self._length:
                raise SpoolDamaged(upload=str(self._upload), offset=before, reason="length")

    def _segment(self, offset: int) -> Iterator[bytes]:
        path = spool.segment_path(self._place, self._upload, offset)
        try:
            with path.open("rb") as file:
                yield from read_segment(file.read, self._private, self._upload, offset)
        except FileNotFoundError as error:
            raise SpoolDamaged(upload=str(self._upload), offset=offset, reason="missing") from error
        except Refused as error:
            raise SpoolDamaged(upload=str(self._upload), offset=offset, reason=error.code) from error
