"""A directory on an SFTP server as a target.

Writing: a temporary name beside the final one, every byte, fsync where the server offers it (OpenSSH does),
then the plain rename of SFTP version 3, which refuses a taken name: of two writers of one name one is
refused. Only a damaged copy of an object named by its digest is replaced, by the rename that replaces.

The server's host key is pinned by its fingerprint; nothing is sent to another. No agent, no key files, no
known hosts and no configuration of the machine are used. The name is resolved once per connection and every
address judged (`ground.net`). Links are never followed as far as SFTP lets a client see them: what is a link
is not an object, and a directory that is a link is refused.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import stat as stat_module
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from appliance.backup.errors import (
    BadTargetSettings,
    CredentialsMissing,
    CredentialsRefused,
    HostKeyChanged,
    HostKeyUnknown,
    ObjectCorrupt,
    ObjectMissing,
    TargetAbsent,
    TargetFull,
    TargetReadOnly,
    TargetRefusal,
    TargetTooSlow,
    TargetUnreachable,
)
from appliance.backup.targets import wire
from appliance.backup.targets.base import (
    READ_BYTES,
    SEGMENT,
    ObjectStat,
    SourceFailed,
    Target,
    check_name,
    from_source,
)
from appliance.backup.targets.sftp_link import CALL_SECONDS, Link
from ground.net import resolve

if TYPE_CHECKING:
    import asyncssh

T = TypeVar("T")

TEMPORARY_PREFIX: Final = ".tmp-"  # lawful names never begin with a dot
IGNORED_AT_ROOT: Final = frozenset({".", "..", "lost+found", ".snapshot", ".zfs", ".ssh"})
FULL_BELOW: Final = (
    1 << 20
)  # a write that fails with less room than this, beyond its own size, met a full disk

_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}\Z")
_USER = re.compile(r"[A-Za-z0-9._@\\-]{1,64}\Z")
_PIN = re.compile(r"SHA256:[A-Za-z0-9+/]{43}\Z")


class SftpTarget(Target):
    kind: ClassVar[str] = "sftp"
    SETTINGS: ClassVar[Mapping[str, bool]] = {
        "host": True,
        "port": False,
        "user": True,
        "path": True,
        "host_key": False,
    }
    CREDENTIALS: ClassVar[Sequence[frozenset[str]]] = (frozenset({"password"}), frozenset({"private_key"}))

    def __init__(
        self, settings: Mapping[str, str], credentials: Mapping[str, str], *, private: bool = False
    ) -> None:
        self.host, self.port = settings["host"], int(settings.get("port") or "22")
        self.user, self.root = settings["user"], settings["path"].rstrip("/")
        self.pin = settings.get("host_key", "")
        self._credentials = dict(credentials)
        self._private = private
        self._link = Link(self)
        self._directories: set[str] = set()  # seen to be directories and no links

    @classmethod
    def from_settings(
        cls, settings: Mapping[str, Any], credentials: Mapping[str, str], *, private: bool = False
    ) -> SftpTarget:
        check_settings(settings)
        return cls(settings, credentials, private=private)

    # ---- the place itself ----

    def probe(self, *, write: bool) -> None:
        self._require_root()
        self._run("listing", lambda sftp: sftp.listdir(self.root))
        if write:
            path = f"{self.root}/{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
            try:
                self._write(path, iter([b"probe"]), len(b"probe"))
            finally:
                self._discard(path)

    def is_empty(self) -> bool:
        names = self._run("listing", lambda sftp: sftp.listdir(self.root))
        return all(name in IGNORED_AT_ROOT or name.startswith(TEMPORARY_PREFIX) for name in names)

    def free_bytes(self) -> int | None:
        import asyncssh

        try:
            found = self._run("measuring", lambda sftp: sftp.statvfs(self.root), raw=True)
        except asyncssh.SFTPError:
            return None  # the server does not offer it
        return int(found.bavail * found.frsize)

    # ---- objects ----

    def put(self, name: str, pieces: Iterable[bytes], *, digest: str, size: int) -> bool:
        check_name(name)
        found = self._stat(name)
        if self.already(name, found, digest=digest, size=size):
            return False
        path = f"{self.root}/{name}"
        parent = path.rpartition("/")[0]
        self._make_directories(name)
        temporary = f"{parent}/{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
        try:
            self._write(temporary, from_source(pieces, name=name, digest=digest, size=size), size)
            return self._settle(name, temporary, path, replace=found is not None, digest=digest, size=size)
        except SourceFailed as failure:
            self._discard(temporary)
            raise failure.error from None
        except TargetRefusal:
            self._discard(temporary)
            raise

    def _write(self, path: str, pieces: Iterator[bytes], size: int) -> None:
        import asyncssh

        try:
            file = self._run("writing", lambda sftp: sftp.open(path, "xb"), raw=True)
            try:
                offset = 0
                for piece in _gathered(pieces):
                    self._await("writing", file.write(piece, offset), raw=True)
                    offset += len(piece)
                try:
                    self._await("making durable", file.fsync(), raw=True)
                except asyncssh.SFTPOpUnsupported:
                    pass  # the server keeps no such promise (docs/targets.md)
            finally:
                self._await("closing", file.close(), raw=True)
        except asyncssh.SFTPFailure as error:
            # SFTP version 3 has no word for "full": the room left says it.
            room = self.free_bytes()
            if room is not None and room < size + FULL_BELOW:
                raise TargetFull(host=self.host, free_bytes=room) from error
            raise self._refusal_of(error, "writing") from error
        except (OSError, asyncssh.Error) as error:
            raise self._refusal_of(error, "writing") from error

    def _settle(self, name: str, temporary: str, path: str, *, replace: bool, digest: str, size: int) -> bool:
        import asyncssh

        try:
            if replace:
                self._run("renaming", lambda sftp: sftp.posix_rename(temporary, path), raw=True)
            else:
                self._run("renaming", lambda sftp: sftp.rename(temporary, path), raw=True)
        except asyncssh.SFTPError as error:
            # Taken since we looked; or renamed, and the answer was lost.
            self._discard(temporary)
            if self.already(name, self._stat(name), digest=digest, size=size):
                return False
            raise self._refusal_of(error, "renaming") from error
        except (OSError, asyncssh.Error) as error:
            raise self._refusal_of(error, "renaming") from error
        return True

    def get(self, name: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        found = self.stat(check_name(name))
        if found is None:
            raise ObjectMissing(name=name)
        if length == 0:
            return
        file = self._run("opening", lambda sftp: sftp.open(f"{self.root}/{name}", "rb"))
        try:
            position, left = offset, length
            while left is None or left > 0:
                want = READ_BYTES if left is None else min(READ_BYTES, left)
                piece = self._await("reading", _read(file, want, position))
                if not piece:
                    if left is None:
                        return
                    raise ObjectCorrupt(name=name, why="shorter than it should be", missing=left)
                position += len(piece)
                left = None if left is None else left - len(piece)
                yield piece
        finally:
            self._quietly(file.close())

    def list(self, prefix: str = "") -> Iterator[ObjectStat]:
        if prefix:
            check_name(prefix.removesuffix("/"))
        self._require_root()
        yield from self._walk(prefix.removesuffix("/"))

    def stat(self, name: str) -> ObjectStat | None:
        found = self._stat(check_name(name))
        if found is None:
            self._require_root()  # "no such object" must not be said of a place that is not there
        return found

    def delete(self, name: str) -> bool:
        if self.stat(name) is None:
            return False
        self._run("deleting", lambda sftp: sftp.remove(f"{self.root}/{name}"))
        return True

    def sweep(self, *, older_than: float) -> int:
        oldest = time.time() - older_than
        return sum(self._sweep(self.root, oldest))

    def close(self) -> None:
        self._link.close()

    def __del__(self) -> None:
        self._link.close()

    # ---- within ----

    def _stat(self, name: str) -> ObjectStat | None:
        import asyncssh

        for parent in _parents(name):
            if parent not in self._directories and not self._is_directory(parent):
                return None
        try:
            found = self._run("looking", lambda sftp: sftp.lstat(f"{self.root}/{name}"), raw=True)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory):
            return None
        except (OSError, asyncssh.Error) as error:
            raise self._refusal_of(error, "looking") from error
        return ObjectStat(name, int(found.size or 0)) if stat_module.S_ISREG(found.permissions or 0) else None

    def _is_directory(self, below: str) -> bool:
        """Whether a directory below the root is there and no link; remembered if so."""
        import asyncssh

        try:
            found = self._run("looking", lambda sftp: sftp.lstat(f"{self.root}/{below}"), raw=True)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory):
            return False
        except (OSError, asyncssh.Error) as error:
            raise self._refusal_of(error, "looking") from error
        if not stat_module.S_ISDIR(found.permissions or 0):
            return False
        self._directories.add(below)
        return True

    def _require_root(self) -> None:
        import asyncssh

        try:
            found = self._run("looking", lambda sftp: sftp.stat(self.root or "/"), raw=True)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory) as error:
            raise TargetAbsent(host=self.host, path=self.root) from error
        except (OSError, asyncssh.Error) as error:
            raise self._refusal_of(error, "looking") from error
        if not stat_module.S_ISDIR(found.permissions or 0):
            raise TargetAbsent(host=self.host, path=self.root, why="not a directory")

    def _make_directories(self, name: str) -> None:
        import asyncssh

        for parent in _parents(name):
            if parent in self._directories or self._is_directory(parent):
                continue
            self._require_root()
            path = f"{self.root}/{parent}"
            try:
                self._run("making a directory", _made(path), raw=True)
            except asyncssh.SFTPError as error:
                if not self._is_directory(parent):  # another writer may have made it meanwhile
                    raise self._refusal_of(error, "making a directory") from error
            except (OSError, asyncssh.Error) as error:
                raise self._refusal_of(error, "making a directory") from error

    def _entries(self, directory: str) -> Sequence[asyncssh.SFTPName]:
        import asyncssh

        try:
            found = self._run("listing", lambda sftp: sftp.readdir(directory), raw=True)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory):
            return []
        except (OSError, asyncssh.Error) as error:
            raise self._refusal_of(error, "listing") from error
        return sorted(found, key=lambda entry: str(entry.filename))

    def _walk(self, below: str) -> Iterator[ObjectStat]:
        if below and not all(self._is_directory(part) for part in (*_parents(below), below)):
            return
        for entry in self._entries(f"{self.root}/{below}" if below else self.root or "/"):
            filename, mode = str(entry.filename), entry.attrs.permissions or 0
            if not SEGMENT.match(filename):
                continue
            name = f"{below}/{filename}" if below else filename
            if stat_module.S_ISDIR(mode):
                yield from self._walk(name)
            elif stat_module.S_ISREG(mode):
                yield ObjectStat(name, int(entry.attrs.size or 0))

    def _sweep(self, directory: str, oldest: float) -> Iterator[int]:
        for entry in self._entries(directory):
            filename, mode = str(entry.filename), entry.attrs.permissions or 0
            path = f"{directory}/{filename}"
            if filename.startswith(TEMPORARY_PREFIX) and stat_module.S_ISREG(mode):
                if (entry.attrs.mtime or time.time()) < oldest:
                    self._run("tidying", _removed(path))
                    yield 1
            elif stat_module.S_ISDIR(mode) and SEGMENT.match(filename):
                yield from self._sweep(path, oldest)

    def _discard(self, path: str) -> None:
        """Remove a temporary, as far as the server answers; `sweep` removes what stays."""
        import asyncssh

        try:
            self._run("tidying", lambda sftp: sftp.remove(path), raw=True)
        except (OSError, asyncssh.Error, TargetRefusal):
            pass

    def _quietly(self, work: Coroutine[Any, Any, Any]) -> None:
        import asyncssh

        try:
            self._await("closing", work, raw=True)
        except (OSError, asyncssh.Error, TargetRefusal):
            pass

    def _run(self, what: str, work: Callable[[asyncssh.SFTPClient], Awaitable[T]], *, raw: bool = False) -> T:
        """Do something with the connection, made on first use. With `raw` the library's errors pass."""

        async def both() -> T:
            return await work(await self._link.client())

        return self._await(what, both(), raw=raw)

    def _await(self, what: str, work: Coroutine[Any, Any, T], *, raw: bool = False) -> T:
        import asyncssh

        try:
            return wire.run(work, seconds=CALL_SECONDS, what=what)
        except (OSError, asyncssh.Error) as error:
            if raw and isinstance(error, asyncssh.SFTPError) and not isinstance(error, _gone()):
                raise
            self._link.close()
            raise self._refusal_of(error, what) from error

    def _refusal_of(self, error: Exception, what: str) -> TargetRefusal:
        import asyncssh

        facts = {"host": self.host, "port": self.port, "what": what, "error": type(error).__name__}
        match error:
            case asyncssh.HostKeyNotVerifiable():
                found = self._link.found
                return (HostKeyChanged if self.pin else HostKeyUnknown)(
                    host=self.host, port=self.port, found=found, pinned=self.pin
                )
            case asyncssh.PermissionDenied():
                return CredentialsRefused(user=self.user, **facts)
            case asyncssh.SFTPNoSpaceOnFilesystem() | asyncssh.SFTPQuotaExceeded():
                return TargetFull(**facts)
            case asyncssh.SFTPPermissionDenied() | asyncssh.SFTPWriteProtect():
                return TargetReadOnly(**facts)
            case TimeoutError():
                return TargetTooSlow(**facts)
        return TargetUnreachable(**facts)

    def _imported(self, key: str) -> asyncssh.SSHKey:
        import asyncssh

        try:
            return asyncssh.import_private_key(key.strip() + "\n")
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            why = "the private key cannot be read; it must have no passphrase"
            raise CredentialsRefused(user=self.user, host=self.host, why=why) from error

    async def connect(self) -> asyncssh.SSHClientConnection:
        """A connection to a judged address, to the pinned host key only."""
        import asyncssh

        if not self._credentials:
            raise CredentialsMissing(host=self.host)
        addresses = await asyncio.to_thread(resolve, self.host, self.port, private=self._private)
        link = self._link

        class Client(asyncssh.SSHClient):
            def validate_host_public_key(
                self, _host: str, _addr: str, _port: int, key: asyncssh.SSHKey
            ) -> bool:
                link.found = key.get_fingerprint("sha256")
                return bool(link.target_pin) and secrets.compare_digest(link.found, link.target_pin)

        key = self._credentials.get("private_key")
        error: Exception | None = None
        for address in addresses:
            try:
                return await asyncssh.connect(
                    str(address),
                    self.port,
                    config=None,
                    client_factory=Client,
                    known_hosts=([], [], []),
                    username=self.user,
                    password=self._credentials.get("password"),
                    client_keys=None if key is None else [self._imported(key)],
                    preferred_auth="publickey" if key else "password,keyboard-interactive",
                    agent_path=None,
                    gss_host=None,
                    x509_trusted_certs=None,
                    connect_timeout=wire.CONNECT_SECONDS,
                    login_timeout=wire.CONNECT_SECONDS,
                    keepalive_interval=15,
                    keepalive_count_max=4,
                )
            except (OSError, TimeoutError) as failed:
                error = failed
        raise error or OSError("no address")


def _gone() -> tuple[type[Exception], ...]:
    import asyncssh

    return (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.SFTPBadMessage)


async def _read(file: asyncssh.SFTPClientFile, length: int, offset: int) -> bytes:
    data: Any = await file.read(length, offset)  # bytes: the file is opened so; the stub says text too
    return bytes(data)


def _made(path: str) -> Callable[[asyncssh.SFTPClient], Awaitable[None]]:
    return lambda sftp: sftp.mkdir(path)


def _removed(path: str) -> Callable[[asyncssh.SFTPClient], Awaitable[None]]:
    return lambda sftp: sftp.remove(path)


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces worth a round trip."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= READ_BYTES:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _parents(name: str) -> list[str]:
    segments = name.split("/")[:-1]
    return ["/".join(segments[: count + 1]) for count in range(len(segments))]


def check_settings(settings: Mapping[str, Any]) -> None:
    """Refuse settings that cannot be right; asks nobody."""

    def wrong(setting: str, why: str) -> BadTargetSettings:
        return BadTargetSettings(setting=setting, why=why)

    for name, value in settings.items():
        if name not in SftpTarget.SETTINGS or not isinstance(value, str) or "\0" in value:
            raise wrong(str(name)[:60], "not a setting of this kind")
    if not _HOST.match(settings.get("host", "")):
        raise wrong("host", "not a host name or address")
    port = settings.get("port") or "22"
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise wrong("port", "not a port")
    if not _USER.match(settings.get("user", "")):
        raise wrong("user", "not the name of a user")
    path = settings.get("path", "")
    segments = path.split("/")
    if len(path) > 1000 or not path.startswith("/") or path == "/" or ".." in segments or "\n" in path:
        raise wrong("path", "an absolute directory on the server")
    if settings.get("host_key") and not _PIN.match(settings["host_key"]):
        raise wrong("host_key", "a fingerprint as `ssh-keygen -l` shows it: SHA256:…")
