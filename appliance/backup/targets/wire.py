"""What network targets share: one event loop in a thread, and a tunnel that leads to one judged address.

The client library of S3 resolves names itself and follows what servers tell it. It is therefore given a proxy
on loopback that resolves the target's name once, judges every address (`ground.net`) and carries every byte
to a judged address, whatever it is asked for: a name that changes, a redirect and a forged location end at
the same place. TLS runs through it from end to end.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Final, TypeVar

from appliance.backup.errors import TargetRefusal, TargetTooSlow, TargetUnreachable
from ground.net import resolve

T = TypeVar("T")

CONNECT_SECONDS: Final = 20.0
HEAD_BYTES: Final = 16 * 1024
PIECE_BYTES: Final = 256 * 1024

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def loop() -> asyncio.AbstractEventLoop:
    """The event loop of network targets in this process; its thread is started on first use."""
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="targets", daemon=True).start()
        return _loop


def run(work: Coroutine[Any, Any, T], *, seconds: float, what: str) -> T:
    """Run a coroutine on that loop and wait; `TargetTooSlow` after `seconds`."""
    future = asyncio.run_coroutine_threadsafe(work, loop())
    try:
        return future.result(seconds)
    except FutureTimeout:
        future.cancel()
        raise TargetTooSlow(what=what, seconds=seconds) from None


class Tunnel:
    """A proxy on loopback, for one client with a secret of its own, to one host and port.

    `refusal` holds why the last connection was refused, for an error message better than "proxy error".
    """

    def __init__(self, host: str, port: int, *, private: bool) -> None:
        self._host, self._port, self._private = host, port, private
        self._addresses: list[str] | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._secret = secrets.token_urlsafe(24)
        self.refusal: TargetRefusal | None = None
        self.url = run(self._start(), seconds=CONNECT_SECONDS, what="starting")

    def judge(self) -> None:
        """Resolve and judge the name, once for the life of the tunnel."""
        if self._addresses is None:
            found = resolve(self._host, self._port, private=self._private)
            self._addresses = [str(address) for address in found]

    def close(self) -> None:
        loop().call_soon_threadsafe(self._stop)

    async def _start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=PIECE_BYTES)
        port = self._server.sockets[0].getsockname()[1]
        return f"http://strongroom:{self._secret}@127.0.0.1:{port}"

    def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._carry(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # either side went away; the client sees its connection end
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        if len(head) > HEAD_BYTES or not self._is_ours(lines):
            writer.write(b"HTTP/1.1 407 Not for you\r\nContent-Length: 0\r\n\r\n")
            return
        try:
            onward, outward = await self._connect()
        except TargetRefusal as refusal:
            self.refusal = refusal
            writer.write(b"HTTP/1.1 502 Not reached\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        self.refusal = None
        try:
            if lines[0].startswith(b"CONNECT "):
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:  # plain http: the secret stays here
                outward.write(b"\r\n".join(line for line in lines if not _is_proxy_line(line)))
            await asyncio.gather(_pump(reader, outward), _pump(onward, writer))
        finally:
            outward.close()

    def _is_ours(self, lines: list[bytes]) -> bool:
        import base64

        wanted = b"Basic " + base64.b64encode(b"strongroom:" + self._secret.encode())
        given = [line.partition(b":")[2].strip() for line in lines if _is_proxy_line(line)]
        return any(secrets.compare_digest(one, wanted) for one in given)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        error: Exception | None = None
        for address in self._addresses or []:
            try:
                return await asyncio.wait_for(
                    asyncio.open_connection(address, self._port, limit=PIECE_BYTES), CONNECT_SECONDS
                )
            except (OSError, TimeoutError) as failed:
                error = failed
        raise TargetUnreachable(host=self._host, port=self._port, error=type(error).__name__)


def _is_proxy_line(line: bytes) -> bool:
    return line.lower().startswith(b"proxy-authorization:")


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes from one side to the other until it ends; then the other side is told."""
    try:
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()
