"""The SFTP target: the common suite against a real server, and what only SFTP can do to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from appliance.backup.errors import (
    BadTargetSettings,
    CredentialsMissing,
    CredentialsRefused,
    HostKeyChanged,
    HostKeyUnknown,
    ObjectMissing,
    TargetAbsent,
    TargetFull,
    TargetReadOnly,
    TargetRefusal,
    TargetUnreachable,
)
from appliance.backup.targets import Target, open_target
from appliance.backup.targets.sftp import SftpTarget
from ground.net import AddressRefused
from tests.appliance.backup.targets.conformance import TargetConformance, digest_of, put
from tests.support.stores import SFTP_PASSWORD, SftpServer


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    made = SftpServer(tmp_path_factory.mktemp("sftp"))
    yield made
    made.close()


@pytest.fixture
def server(standing: SftpServer) -> Iterator[SftpServer]:
    """The server with an empty directory `repository`."""
    (standing.root / "repository").mkdir()
    yield standing
    shutil.rmtree(standing.root / "repository")


@pytest.fixture
def target(server: SftpServer) -> Iterator[SftpTarget]:
    made = SftpTarget(server.settings(), {"password": SFTP_PASSWORD}, private=True)
    yield made
    made.close()


class TestSftp(TargetConformance):
    def plant(self, target: Target, name: str, data: bytes) -> None:
        assert isinstance(target, SftpTarget)
        target._make_directories(name)

        async def write(sftp: Any) -> None:
            async with sftp.open(f"{target.root}/{name}", "wb") as file:
                await file.write(data)

        target._run("planting", write)


@pytest.mark.parametrize(
    "change",
    [
        {"host": ""},
        {"host": "a/b"},
        {"host": 7},
        {"port": "0"},
        {"port": "70000"},
        {"port": "x"},
        {"user": ""},
        {"user": "a b"},
        {"path": "relative"},
        {"path": "/"},
        {"path": "/a/../b"},
        {"host_key": "MD5:aa:bb"},
        {"more": "x"},
    ],
)
def test_settings_that_cannot_be_right_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadTargetSettings):
        open_target("sftp", {"host": "h.example", "user": "u", "path": "/r"} | change)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "169.254.169.254", "::1", "10.0.0.1"]
)
def test_a_place_inside_is_not_called_unless_it_was_allowed(host: str) -> None:
    settings = {"host": host, "port": "9", "user": "u", "path": "/r"}
    with pytest.raises(AddressRefused):
        open_target("sftp", settings, {"password": "p"}).probe(write=False)


def test_without_credentials_nothing_is_asked(server: SftpServer) -> None:
    with pytest.raises(CredentialsMissing):
        open_target("sftp", server.settings(), private=True).probe(write=False)


def opened(server: SftpServer, **settings: str) -> Target:
    return open_target("sftp", server.settings(**settings), {"password": SFTP_PASSWORD}, private=True)


def test_a_host_key_that_is_not_pinned_is_shown_and_nothing_is_sent(server: SftpServer) -> None:
    before = server.logins
    with pytest.raises(HostKeyUnknown) as raised:
        opened(server, host_key="").probe(write=False)
    assert raised.value.facts["found"] == server.pin
    assert server.logins == before


def test_a_host_key_that_changed_is_refused_and_nothing_is_sent(
    server: SftpServer, target: SftpTarget
) -> None:
    put(target, "heads/one.jws", b"head")
    old, before = server.host_key, server.logins
    server.host_key = asyncssh.generate_private_key("ssh-ed25519")
    server.restart()
    with pytest.raises(HostKeyChanged) as raised:
        wait_until_refused(target)
    assert raised.value.facts == {
        "host": "127.0.0.1",
        "port": server.port,
        "found": server.pin,
        "pinned": old.get_fingerprint("sha256"),
    }
    assert server.logins == before
    server.host_key = old
    server.restart()
    assert target.get_bytes("heads/one.jws", limit=10) == b"head"


def wait_until_refused(target: Target) -> None:
    """The first call after a server went away may still meet the end of the old connection."""
    try:
        list(target.list())
    except TargetUnreachable:
        list(target.list())


def test_credentials_revoked_in_the_midst_are_a_clear_refusal(server: SftpServer, target: SftpTarget) -> None:
    put(target, "heads/one.jws", b"head")
    server.password = "another"
    server.restart()
    try:
        with pytest.raises(CredentialsRefused) as raised:
            wait_until_refused(target)
    finally:
        server.password = SFTP_PASSWORD
    assert SFTP_PASSWORD not in str(raised.value.as_dict())


def test_a_private_key_signs_in_and_a_text_that_is_none_is_refused(server: SftpServer) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    server.authorized = key
    text = key.export_private_key().decode()
    good = open_target("sftp", server.settings(), {"private_key": text}, private=True)
    good.probe(write=True)
    good.close()
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    for wrong in (other, "no key", text[:100]):
        with pytest.raises(CredentialsRefused):
            open_target("sftp", server.settings(), {"private_key": wrong}, private=True).probe(write=False)


def test_a_place_that_is_not_there_is_absent_and_never_an_object_that_is_missing(server: SftpServer) -> None:
    target = opened(server, path="/none")
    for call in (
        lambda: target.probe(write=False),
        lambda: target.stat("heads/one.jws"),
        lambda: list(target.list()),
        lambda: put(target, "heads/one.jws", b"x"),
        lambda: target.delete("heads/one.jws"),
    ):
        with pytest.raises(TargetAbsent):
            call()
    target.close()


def test_a_connection_cut_in_the_midst_of_a_put_leaves_nothing_and_is_put_again(
    server: SftpServer, target: SftpTarget
) -> None:
    data = bytes(4 << 20)

    def cut() -> Iterator[bytes]:
        yield data[: 2 << 20]
        server.drop_connections()
        yield data[2 << 20 :]

    name = f"packs/aa/{digest_of(data)}.pack"
    with pytest.raises(TargetUnreachable):
        target.put(name, cut(), digest=digest_of(data), size=len(data))
    assert list(target.list()) == []
    assert put(target, name, data) is True
    assert target.sweep(older_than=3600) == 0
    left = list((server.root / "repository").rglob(".tmp-*"))
    assert target.sweep(older_than=-3600) == len(left)
    assert list((server.root / "repository").rglob(".tmp-*")) == []


def test_links_are_not_objects_and_lead_nowhere(server: SftpServer, target: SftpTarget) -> None:
    place = server.root / "repository"
    secret = server.root / "secret"
    secret.mkdir()
    (secret / "one.jws").write_bytes(b"elsewhere")
    (place / "heads").symlink_to(secret)
    (place / "packs").mkdir()
    (place / "packs" / "link.pack").symlink_to(secret / "one.jws")
    assert list(target.list()) == []
    assert target.stat("heads/one.jws") is None
    assert target.stat("packs/link.pack") is None
    for name in ("heads/one.jws", "packs/link.pack"):
        with pytest.raises(ObjectMissing):
            list(target.get(name))
    with pytest.raises(TargetUnreachable):
        put(target, "heads/two.jws", b"x")
    assert [path.name for path in secret.iterdir()] == ["one.jws"]
    shutil.rmtree(secret)


class Full(asyncssh.SFTPServer):
    """Takes nothing any more, as a full disk behind OpenSSH: a bare failure, and no room left."""

    def write(self, *_: object) -> int:
        raise asyncssh.SFTPFailure("Failure")

    def fstatvfs(self, _: object) -> asyncssh.SFTPVFSAttrs:
        return asyncssh.SFTPVFSAttrs(bsize=512, frsize=512, bavail=1)

    def statvfs(self, _: bytes) -> asyncssh.SFTPVFSAttrs:
        return asyncssh.SFTPVFSAttrs(bsize=512, frsize=512, bavail=1)


class ReadOnly(asyncssh.SFTPServer):
    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if pflags & asyncssh.FXF_WRITE:
            raise asyncssh.SFTPPermissionDenied("no")
        return super().open(path, pflags, attrs)


@pytest.mark.parametrize(("behaviour", "refusal"), [(Full, TargetFull), (ReadOnly, TargetReadOnly)])
def test_a_server_that_takes_nothing_refuses_and_nothing_lies_under_the_name(
    tmp_path: Path, behaviour: type[asyncssh.SFTPServer], refusal: type[TargetRefusal]
) -> None:
    (tmp_path / "repository").mkdir()
    server = SftpServer(tmp_path, behaviour)
    target = opened(server)
    try:
        target.probe(write=False)
        with pytest.raises(refusal):
            target.probe(write=True)
        with pytest.raises(refusal):
            put(target, "packs/aa/one.pack", b"content")
        assert list(target.list()) == []
        assert list(tmp_path.rglob(".tmp-*")) == []
    finally:
        target.close()
        server.close()


def test_the_room_left_is_told(target: SftpTarget) -> None:
    assert (target.free_bytes() or 0) > 0
