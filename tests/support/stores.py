"""Real storage servers on loopback for tests: an S3 server (moto) and an SFTP server (asyncssh's)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import httpx

S3_CREDENTIALS = {"access_key_id": "AKIASTRONGROOMTEST00", "secret_access_key": "canary-secret-of-the-bucket"}
SFTP_PASSWORD = "canary-password-of-the-server"


@contextmanager
def s3_server() -> Iterator[str]:
    """An S3 server with its objects in memory; its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    empty_s3(f"http://{host}:{port}")  # servers of one process share what they hold
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def make_bucket(address: str, name: str, **headers: str) -> None:
    httpx.put(f"{address}/{name}", headers=headers).raise_for_status()


def empty_s3(address: str) -> None:
    httpx.post(f"{address}/moto-api/reset").raise_for_status()


class SftpServer:
    """An SFTP server in a thread of its own. Its host key and its password can be changed."""

    def __init__(self, root: Path, factory: Callable[..., Any] | None = None) -> None:
        self.root = root
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.password = SFTP_PASSWORD
        self.authorized: asyncssh.SSHKey | None = None
        self.logins = 0
        self._factory = factory or asyncssh.SFTPServer
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._connections: list[asyncssh.SSHServerConnection] = []
        self._thread.start()
        self.port = 0
        self._acceptor: asyncssh.SSHAcceptor
        self._call(self._listen())

    @property
    def pin(self) -> str:
        return self.host_key.get_fingerprint("sha256")

    def settings(self, path: str = "/repository", **other: str) -> dict[str, str]:
        given = {
            "host": "127.0.0.1",
            "port": str(self.port),
            "user": "unit",
            "path": path,
            "host_key": self.pin,
        }
        return given | other

    def drop_connections(self) -> None:
        for connection in self._connections:
            self._loop.call_soon_threadsafe(connection.abort)

    def restart(self) -> None:
        """Listen again on the same port, with whatever host key stands here now."""
        self._call(self._stop())
        self._call(self._listen())

    def close(self) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        server = self

        class Door(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                server._connections.append(conn)

            def begin_auth(self, _username: str) -> bool:
                return True

            def password_auth_supported(self) -> bool:
                return True

            def public_key_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                server.logins += 1
                return username == "unit" and password == server.password

            def validate_public_key(self, _username: str, key: asyncssh.SSHKey) -> bool:
                return server.authorized is not None and key == server.authorized.convert_to_public()

        self._acceptor = await asyncssh.create_server(
            Door,
            "127.0.0.1",
            self.port,
            server_host_keys=[self.host_key],
            sftp_factory=lambda chan: self._factory(chan, chroot=str(self.root).encode()),
            reuse_address=True,
        )
        self.port = self._acceptor.get_port()

    async def _stop(self) -> None:
        for connection in self._connections:
            connection.abort()
        self._connections.clear()
        self._acceptor.close()
        await self._acceptor.wait_closed()

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)
