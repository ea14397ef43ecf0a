"""Taking the body of an upload request: pieces sealed as they arrive, segments made durable as they fill."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections

from appliance.content import errors, spool
from appliance.content.actions.advance_upload import advance_upload
from appliance.content.models import Upload
from appliance.unit.selectors import unit
from audit.actor import Actor
from ground.refusals import Forbidden
from ground.rest.body_limit import Message, Receive
from sealing.encoding import from_b64u
from sealing.hpke import KemPublicKey

T = TypeVar("T")

MAX_CHECKED_BYTES: Final = 64 << 20  # a request with a checksum is all or nothing, so it is bounded
STALL_SECONDS: Final = 60.0
_GATHER_BYTES: Final = 1 << 20  # sealed and written at once, off the event loop


@dataclass
class Checksum:
    """A hash being fed, and what it must come to."""

    running: Any  # a hashlib object
    wanted: bytes


class Receiving:
    """The body of one request, on its way into sealed segments at the end of an upload."""

    def __init__(
        self, upload: Upload, actor: Actor, *, offset: int, declared: int | None, checksum: Checksum | None
    ) -> None:
        """`declared` is the length the request announces, if it does. Refuses what cannot be right."""
        if offset != upload.offset or upload.state != Upload.State.OPEN:
            raise errors.UploadOffset(given=offset, expected=upload.offset)
        self._left = upload.length - offset
        if declared is not None and declared > self._left:
            raise errors.UploadTooLong(left=self._left)
        if checksum is not None and (declared or 0) > MAX_CHECKED_BYTES:
            raise errors.UploadTooLarge(limit=MAX_CHECKED_BYTES)
        self._upload: Final = upload
        self._actor: Final = actor
        self._checksum: Final = checksum
        self._at = offset  # of the next byte to seal; ahead of upload.offset while segments are open
        self._segment: spool.SegmentFile | None = None
        self._held: list[spool.SegmentFile] = []  # finished, waiting for the checksum

    async def take(self, receive: Receive) -> None:
        """Take the body to its end, or to where it breaks off; then what came stands in the upload."""
        place = settings.SITE.spool
        public = await in_thread(_spool_key)
        with spool.exclusive(place, self._upload.pk):
            await in_thread(_still_there, self._upload)
            try:
                try:
                    await self._read(receive, public)
                except (errors.UploadStalled, ConnectionError):
                    if self._checksum is None:
                        await in_thread(self._commit)
                    raise
                await in_thread(self._finish)
            finally:
                await in_thread(self._abandon)

    async def _read(self, receive: Receive, public: KemPublicKey) -> None:
        gathered, more = bytearray(), True
        try:
            while more:
                message = await _next(receive)
                more = message.get("more_body", False)
                gathered += message.get("body", b"")
                if len(gathered) > self._left:
                    gathered.clear()
                    raise errors.UploadTooLong(left=self._left)
                if len(gathered) >= _GATHER_BYTES or not more:
                    await in_thread(self._seal, bytes(gathered), public)
                    gathered.clear()
        except (errors.UploadStalled, ConnectionError):
            await in_thread(self._seal, bytes(gathered), public)
            raise

    def _seal(self, data: bytes, public: KemPublicKey) -> None:
        if self._checksum is not None:
            if self._at + len(data) - self._upload.offset > MAX_CHECKED_BYTES:
                raise errors.UploadTooLarge(limit=MAX_CHECKED_BYTES)
            self._checksum.running.update(data)
        self._left -= len(data)
        view = memoryview(data)
        while view:
            if self._segment is None:
                self._segment = spool.SegmentFile(settings.SITE.spool, self._upload.pk, self._at, public)
            count = min(len(view), self._segment.room)
            with spool.telling_full():
                self._segment.add(view[:count])
            view = view[count:]
            self._at += count
            if self._segment.room == 0:
                if self._checksum is None:
                    self._commit()
                else:
                    self._held.append(self._segment)
                    self._segment = None

    def _finish(self) -> None:
        if self._checksum is not None and self._checksum.running.digest() != self._checksum.wanted:
            raise errors.UploadChecksum()
        self._commit()

    def _commit(self) -> None:
        """Make what is sealed durable, then say so in the upload's row."""
        by = 0
        for segment in [*self._held, *([self._segment] if self._segment else [])]:
            with spool.telling_full():
                by += segment.commit()
        self._held, self._segment = [], None
        if by:
            advance_upload(self._upload, actor=self._actor, by=by)

    def _abandon(self) -> None:
        for segment in [*self._held, *([self._segment] if self._segment else [])]:
            segment.abandon()


async def _next(receive: Receive) -> Message:
    try:
        message = await asyncio.wait_for(receive(), STALL_SECONDS)
    except TimeoutError as error:
        raise errors.UploadStalled(seconds=STALL_SECONDS) from error
    if message["type"] != "http.request":
        raise ConnectionError("the client went away")
    return message


def _still_there(upload: Upload) -> None:
    """Under the lock: the row as it is now; another request may have moved it before we held the lock."""
    now = Upload.objects.filter(pk=upload.pk).first()
    if now is None:
        raise errors.UploadUnknown(upload=str(upload.pk))
    if (now.offset, now.state) != (upload.offset, upload.state):
        raise errors.UploadOffset(given=upload.offset, expected=now.offset)


def _spool_key() -> KemPublicKey:
    found = unit()
    if found.state in ("tampered", "retired"):
        raise Forbidden()
    return KemPublicKey.from_bytes(from_b64u(found.spool_public_key))


async def in_thread(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run blocking work off the event loop; its database connection is closed after."""

    def run() -> T:
        try:
            return call(*args, **kwargs)
        finally:
            connections.close_all()

    return await sync_to_async(run, thread_sensitive=False)()
