"""A large file as an answer: piece by piece, off the event loop, and from where a broken download stopped.

One range is understood (`Range: bytes=N-` or `N-M`, RFC 9110 §14); anything else asked for is answered with
the whole, which the RFC allows. A start past the end is 416.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from typing import Final

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework.request import Request

PIECE: Final = 1 << 20  # bytes
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})\Z")


class Pieces:
    """The bytes `start` to `end` (exclusive) of an open file; closes it."""

    def __init__(self, descriptor: int, start: int, end: int) -> None:
        self._descriptor = descriptor
        self._start = start
        self._end = end
        self._open = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        at = self._start
        while at < self._end:
            piece = await sync_to_async(os.pread, thread_sensitive=False)(
                self._descriptor, min(PIECE, self._end - at), at
            )
            if not piece:  # it shrank: the length was promised, so the line must break
                raise OSError("the file became shorter")
            at += len(piece)
            yield piece

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._descriptor)


def asked_start(request: HttpRequest | Request) -> int:
    """Where the answer begins by the request's range; 0 without one that is understood."""
    found = _RANGE.match(request.headers.get("Range", ""))
    return int(found.group(1)) if found else 0


def file_response(request: HttpRequest | Request, descriptor: int, *, name: str) -> HttpResponseBase:
    """The open file as an attachment. Takes the descriptor over and closes it."""
    size = os.fstat(descriptor).st_size
    found = _RANGE.match(request.headers.get("Range", ""))
    start, end = 0, size
    if found:
        start = int(found.group(1))
        end = min(size, int(found.group(2)) + 1) if found.group(2) else size
    if found and start >= end:
        os.close(descriptor)
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    response = StreamingHttpResponse(
        Pieces(descriptor, start, end),
        status=206 if found else 200,
        content_type="application/octet-stream",
        headers={
            "Accept-Ranges": "bytes",
            "Content-Length": str(end - start),
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )
    if found:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return response
