"""The one SSH session of an SFTP target."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from appliance.backup.targets import wire

if TYPE_CHECKING:
    import asyncssh

    from appliance.backup.targets.sftp import SftpTarget

CALL_SECONDS: Final = 120.0
IDLE_SECONDS: Final = 30.0


class Link:
    """One SFTP session, made on first use and let go of when it was idle. Everything but `close` runs on the
    loop of `wire`."""

    def __init__(self, target: SftpTarget) -> None:
        # The target is not held: it would then live for as long as the idle timer does.
        self._connect: Callable[[], Awaitable[asyncssh.SSHClientConnection]] = weakly(target)
        self.target_pin = target.pin
        self.found = ""  # the host key's fingerprint that the server showed last
        self._lock = asyncio.Lock()
        self._session: tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient] | None = None
        self._used = 0.0

    async def client(self) -> asyncssh.SFTPClient:
        async with self._lock:
            self._used = time.monotonic()
            if self._session is None or self._session[0].is_closed():
                connection = await self._connect()
                self._session = (connection, await connection.start_sftp_client())
                asyncio.get_running_loop().call_later(IDLE_SECONDS, self._look)
            return self._session[1]

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            wire.loop().call_soon_threadsafe(session[0].abort)

    def _look(self) -> None:
        if self._session is None:
            return
        idle = time.monotonic() - self._used
        if idle >= IDLE_SECONDS + CALL_SECONDS:
            self.close()
        else:
            asyncio.get_running_loop().call_later(IDLE_SECONDS, self._look)


def weakly(target: SftpTarget) -> Callable[[], Awaitable[asyncssh.SSHClientConnection]]:
    method = weakref.WeakMethod(target.connect)

    async def connect() -> asyncssh.SSHClientConnection:
        bound = method()
        if bound is None:
            raise OSError("the target is gone")
        return await bound()

    return connect
