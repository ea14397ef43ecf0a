"""Places for backups that break on command, one of each kind of target: a directory, an S3 server behind a
proxy, an SFTP server. Each breaks in the ways that its kind can break.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import asyncssh
import pytest

from appliance.backup.targets import s3
from appliance.backup.targets.base import ObjectStat, Target
from appliance.backup.targets.directory import DirectoryTarget
from ground.files import Fs, use
from tests.support.hostile import Answer, Hostile, Request, error, hostile
from tests.support.stores import S3_CREDENTIALS, SFTP_PASSWORD, SftpServer, make_bucket, s3_server

HUGE = 2 << 30  # bytes that a header of 2 GB claims to have


class Place(Protocol):
    """`breaks` names the ways to break: what to do, and the code that a job is then refused with."""

    kind: str
    settings: dict[str, Any]
    credentials: Mapping[str, str] | None
    breaks: dict[str, tuple[Callable[[], None], str]]
    hides: Callable[[str], bool]  # which names a listing leaves out

    def heal(self) -> None: ...

    def plant_huge(self, name: str) -> None:
        """An object that is, or says it is, of 2 GB; reading it fails the test."""

    def left_behind(self) -> list[str]:
        """Temporary files."""


def _nothing(_name: str) -> bool:
    return False


class _BreakingFs(Fs):
    """Refuses every write below a directory, once it is told to."""

    def __init__(self, root: Path) -> None:
        self.root, self.is_full = root, False

    def _step(self, operation: Any, path: Path, action: Callable[[], Any], **more: Any) -> Any:
        if self.is_full and operation in ("create", "write") and path.is_relative_to(self.root):
            raise OSError(28, os.strerror(28), str(path))
        return super()._step(operation, path, action, **more)


class DirectoryPlace:
    kind = "directory"
    credentials: Mapping[str, str] | None = None
    hides: Callable[[str], bool]

    def __init__(self, root: Path, fs: _BreakingFs) -> None:
        self.root, self.fs = root, fs
        self.settings: dict[str, Any] = {"path": str(root)}
        self.hides = _nothing
        self.breaks: dict[str, tuple[Callable[[], None], str]] = {
            "full": (self._fill, "target.full"),
            "gone": (self._vanish, "target.absent"),
        }

    def _fill(self) -> None:
        self.fs.is_full = True

    def _vanish(self) -> None:
        self.root.rename(self.root.with_name("elsewhere"))

    def heal(self) -> None:
        self.fs.is_full, self.hides = False, _nothing
        if not self.root.exists():
            self.root.with_name("elsewhere").rename(self.root)

    def plant_huge(self, name: str) -> None:
        _sparse(self.root / name)

    def left_behind(self) -> list[str]:
        return [path.name for path in self.root.rglob(".tmp-*")]


OF_ALL = ("gone", "skewed", "revoked")  # what is said to reading requests, too


class S3Place:
    kind = "s3"
    credentials: Mapping[str, str] | None = S3_CREDENTIALS
    hides: Callable[[str], bool]

    def __init__(self, store: Hostile) -> None:
        self.store = store
        self.settings: dict[str, Any] = {"bucket": "vault", "endpoint": store.address}
        self.hides = _nothing
        self.huge: str = ""
        store.after = self._spoil
        answers = {
            "full": (error(507, "InsufficientStorage"), "target.full"),
            "gone": (error(404, "NoSuchBucket"), "target.absent"),
            "500": (error(500, "InternalError"), "target.unreachable"),
            "503": (error(503, "SlowDown"), "target.unreachable"),
            "409": (error(409, "ConditionalRequestConflict"), "target.unreachable"),
            "412": (error(412, "PreconditionFailed"), "target.unreachable"),
            "skewed": (error(403, "RequestTimeTooSkewed"), "target.clock-skewed"),
            "revoked": (error(403, "InvalidAccessKeyId"), "target.credentials-refused"),
        }
        self.breaks: dict[str, tuple[Callable[[], None], str]] = {
            name: (functools.partial(store.fail, answer, when=_any if name in OF_ALL else _is_put), code)
            for name, (answer, code) in answers.items()
        }

    def _spoil(self, request: Request, answer: Answer) -> Answer | None:
        if request.is_listing and self.hides is not _nothing:
            return Answer(answer.status, _without(answer.body, self.hides), answer.headers)
        if self.huge and self.huge in request.path:
            assert request.method == "HEAD", "an object of 2 GB was read"
            return Answer(answer.status, b"", {**answer.headers, "content-length": str(HUGE)})
        return None

    def heal(self) -> None:
        self.store.heal()
        self.store.after, self.hides = self._spoil, _nothing

    def plant_huge(self, name: str) -> None:
        made = s3.S3Target(self.settings, S3_CREDENTIALS, private=True, retries=0)
        made.put_bytes(name, b"a small object that says it is large")
        made.close()
        self.huge = name

    def left_behind(self) -> list[str]:
        return []  # parts of an upload that was not completed are no objects


class _Breaking(asyncssh.SFTPServer):
    """A server whose disk is full, or that leaves names out of its listings, as `place` says."""

    place: SftpPlace

    def write(self, file_obj: object, offset: int, data: bytes) -> Any:
        if self.place.is_full:
            raise asyncssh.SFTPFailure("Failure")
        return super().write(file_obj, offset, data)

    def statvfs(self, path: bytes) -> Any:
        if self.place.is_full:
            return asyncssh.SFTPVFSAttrs(bsize=512, frsize=512, bavail=1)
        return super().statvfs(path)

    async def scandir(self, path: bytes) -> Any:
        async for entry in super().scandir(path):
            name = f"{os.fsdecode(path)}/{os.fsdecode(entry.filename)}"
            if not self.place.hides(name):
                yield entry


class SftpPlace:
    kind = "sftp"
    credentials: Mapping[str, str] | None = {"password": SFTP_PASSWORD}
    hides: Callable[[str], bool]

    def __init__(self, root: Path) -> None:
        (root / "repository").mkdir(parents=True)
        self.is_full, self.hides = False, _nothing
        self.server = SftpServer(root, type("Breaking", (_Breaking,), {"place": self}))
        self.root, self.key = root / "repository", self.server.host_key
        self.settings: dict[str, Any] = self.server.settings()
        self.breaks: dict[str, tuple[Callable[[], None], str]] = {
            "full": (self._fill, "target.full"),
            "gone": (self._vanish, "target.absent"),
            "revoked": (self._revoke, "target.credentials-refused"),
            "host key": (self._change_key, "target.host-key-changed"),
        }

    def _fill(self) -> None:
        self.is_full = True

    def _vanish(self) -> None:
        self.root.rename(self.root.with_name("elsewhere"))

    def _revoke(self) -> None:
        self.server.password = "another"
        self.server.restart()

    def _change_key(self) -> None:
        self.server.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.server.restart()

    def heal(self) -> None:
        self.is_full, self.hides = False, _nothing
        if not self.root.exists():
            self.root.with_name("elsewhere").rename(self.root)
        if (self.server.password, self.server.host_key) != (SFTP_PASSWORD, self.key):
            self.server.password, self.server.host_key = SFTP_PASSWORD, self.key
            self.server.restart()

    def plant_huge(self, name: str) -> None:
        _sparse(self.root / name)

    def left_behind(self) -> list[str]:
        return [path.name for path in self.root.rglob(".tmp-*")]


def _any(_request: Request) -> bool:
    return True


def _is_put(request: Request) -> bool:
    return request.method in ("PUT", "POST")


def _without(listing: bytes, hides: Callable[[str], bool]) -> bytes:
    """The answer of an S3 server to a listing, with some objects left out."""
    head, *contents = listing.split(b"<Contents>")
    kept, tail = [], b""
    for item in contents:
        body, end, rest = item.partition(b"</Contents>")
        tail = rest
        name = body.partition(b"<Key>")[2].partition(b"</Key>")[0].decode()
        if not hides(name):
            kept.append(b"<Contents>" + body + end)
    return head + b"".join(kept) + tail


def _sparse(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(HUGE)


@contextmanager
def place_of(kind: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A fresh, empty place of this kind below `root`."""
    match kind:
        case "directory":
            (root / "place").mkdir(parents=True)
            fs = _BreakingFs(root / "place")
            made = DirectoryPlace(root / "place", fs)
            walk = DirectoryTarget._walk

            def partly(self: Target, *args: Any) -> Iterator[ObjectStat]:
                yield from (stat for stat in walk(self, *args) if not made.hides(stat.name))  # type: ignore[arg-type]

            monkeypatch.setattr(DirectoryTarget, "_walk", partly)  # NFS answers so, now and then
            with use(fs):
                yield made
        case "s3":
            monkeypatch.setattr(s3, "RETRIES", 0)
            with s3_server() as address:
                make_bucket(address, "vault")
                with hostile(address) as store:
                    yield S3Place(store)
        case "sftp":
            remote = SftpPlace(root / "server")
            try:
                yield remote
            finally:
                remote.server.close()
        case _:
            raise AssertionError(kind)
