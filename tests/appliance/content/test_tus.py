"""Resumable uploads: refusals first, then what arrives, then what breaks off."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import errno
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from accounts.actions import create_user, issue_token, revoke_token
from accounts.models import User
from appliance.content import receiving, spool, tus
from appliance.content.engine.unspool import SpoolReader
from appliance.content.errors import SpoolDamaged, UploadStalled
from appliance.content.models import Upload
from appliance.content.tus import TusUploads
from appliance.unit.models import Unit
from audit.actor import Actor
from audit.models import Event
from config.site import Site
from sealing.encoding import b64u
from sealing.hpke import KemPrivateKey
from tests.appliance.content.asgi import BROKEN_OFF, Answer, call
from tests.appliance.content.conftest import noise

pytestmark = pytest.mark.django_db(transaction=True)

MIB = 1 << 20
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}
ACTOR = Actor.command("test")


@pytest.fixture(scope="module")
def private() -> KemPrivateKey:
    return KemPrivateKey.generate()


@pytest.fixture(autouse=True)
def _own_spool(tmp_path: Path, settings: Any) -> None:
    """A spool for each test: processes that run tests side by side share the site."""
    settings.SITE = Site(tmp_path / "site")


@pytest.fixture(autouse=True)
def unit(private: KemPrivateKey) -> Unit:
    return Unit.objects.create(
        serial="SR-1", state=Unit.State.IN_SERVICE, spool_public_key=b64u(private.public.raw)
    )


class Client:
    """A client of the protocol, signed in by a token."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.token, self.text = issue_token(actor=ACTOR, user=user, name="uploads")
        self.below: list[str] = []
        self.app = TusUploads(self._inner)

    async def _inner(self, scope: Any, receive: Any, send: Any) -> None:
        del receive
        self.below.append(f"{scope['method']} {scope['path']}")
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def __call__(self, method: str, path: str, headers: Any = None, body: Any = (b"",)) -> Answer:
        sent = {**TUS, "Authorization": f"Bearer {self.text}", **(headers or {})}
        return call(self.app, method, path, {k: v for k, v in sent.items() if v is not None}, body)

    def create(self, length: int, **metadata: str) -> str:
        pairs = ",".join(
            f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in metadata.items()
        )
        answer = self("POST", tus.BASE, {"Upload-Length": str(length), "Upload-Metadata": pairs})
        assert answer.status == 201
        return answer.headers["location"]

    def patch(self, where: str, offset: int, *pieces: Any, **headers: Any) -> Answer:
        return self("PATCH", where, {**BYTES, "Upload-Offset": str(offset), **headers}, pieces)

    def offset(self, where: str) -> int:
        answer = self("HEAD", where)
        assert answer.status == 200
        return int(answer.headers["upload-offset"])


def person(name: str, *roles: str) -> User:
    return create_user(actor=ACTOR, username=name, password="a long enough password", roles=roles)[0]


@pytest.fixture
def client() -> Client:
    return Client(person("mia", "member"))


def arrived(where: str, private: KemPrivateKey) -> bytes:
    """What the engine reads of an upload."""
    upload = Upload.objects.get(pk=where.rpartition("/")[2])
    reader = SpoolReader(settings.SITE.spool, upload.pk, upload.length, private)
    return b"".join(iter(lambda: reader.read(100_000), b""))


def checksum(data: bytes, name: str = "sha256") -> str:
    return f"{name} {base64.b64encode(hashlib.new(name, data).digest()).decode()}"


def everything_in_the_spool() -> bytes:
    return b"".join(path.read_bytes() for path in settings.SITE.spool.rglob("*") if path.is_file())


# Who may not.


@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
def test_without_signing_in_not_a_byte_is_read(client: Client, method: str) -> None:
    where = tus.BASE if method == "POST" else client.create(10)
    answer = client(method, where, {"Authorization": None, "Upload-Length": "10"}, [b"x" * 10])
    assert (answer.status, answer.taken) == (401, 0)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_token_is_refused(client: Client) -> None:
    revoke_token(actor=ACTOR, token=client.token)
    assert client("POST", tus.BASE, {"Upload-Length": "10"}).status == 401


@pytest.mark.parametrize("roles", [("auditor",), ("recovery-operator",), ()])
def test_people_without_access_to_content_are_refused(roles: tuple[str, ...]) -> None:
    answer = Client(person("ada", *roles))("POST", tus.BASE, {"Upload-Length": "10"})
    assert (answer.status, answer.code) == (403, "ground.forbidden")


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
def test_another_persons_upload_does_not_exist(client: Client, method: str) -> None:
    where = client.create(10)
    other = Client(person("eve", "member", "admin"))
    answer = other(method, where, {**BYTES, "Upload-Offset": "0"}, [b"x" * 10])
    assert (answer.status, answer.taken) == (404, 0)
    assert client.offset(where) == 0


def test_a_tampered_unit_takes_nothing(client: Client, unit: Unit) -> None:
    where = client.create(10)
    Unit.objects.update(state=Unit.State.TAMPERED)
    assert client("POST", tus.BASE, {"Upload-Length": "10"}).code == "unit.wrong-state"
    assert client.patch(where, 0, b"x" * 10).status == 403


def test_a_page_of_another_site_may_not_upload_with_a_session(client: Client) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = client("POST", tus.BASE, {**session_of(client.user), "Upload-Length": "10", **headers})
        assert (answer.status, answer.code) == (403, "uploads.cross-origin")


def test_a_session_that_ended_is_refused(client: Client) -> None:
    headers = session_of(client.user)
    SessionStore(headers["Cookie"].partition("=")[2]).delete()
    assert client("POST", tus.BASE, {**headers, "Upload-Length": "10"}).status == 401


def session_of(user: User) -> dict[str, Any]:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return {"Authorization": None, "Cookie": f"{settings.SESSION_COOKIE_NAME}={session.session_key}"}


# What is not the protocol.


@pytest.mark.parametrize("version", [None, "0.2.2", "2.0.0"])
def test_another_version_of_the_protocol_is_refused(client: Client, version: str | None) -> None:
    answer = client("POST", tus.BASE, {"Upload-Length": "10", "Tus-Resumable": version})
    assert (answer.status, answer.code) == (412, "uploads.protocol-version")
    assert answer.headers["tus-version"] == "1.0.0"


@pytest.mark.parametrize("length", [None, "", "-1", "ten", "1e3", "9" * 17, "١٢"])
def test_a_length_that_is_no_number_is_refused(client: Client, length: str | None) -> None:
    sent = length.encode().decode("latin-1") if length else length
    answer = client("POST", tus.BASE, {"Upload-Length": sent})
    assert (answer.status, answer.code) == (400, "uploads.protocol")


def test_an_upload_beyond_the_largest_is_refused(client: Client) -> None:
    answer = client("POST", tus.BASE, {"Upload-Length": str((2 << 40) + 1)})
    assert (answer.status, answer.code) == (413, "uploads.too-large")


def test_an_upload_that_the_disk_does_not_hold_is_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "free_bytes", lambda _: 1000)
    client.create(600)
    answer = client("POST", tus.BASE, {"Upload-Length": "600"})
    assert (answer.status, answer.code) == (507, "uploads.no-space")


def test_too_many_open_uploads_are_refused(client: Client) -> None:
    for _ in range(20):
        client.create(10)
    answer = client("POST", tus.BASE, {"Upload-Length": "10"})
    assert (answer.status, answer.code) == (429, "uploads.too-many")


@pytest.mark.parametrize(
    "metadata", ["name !!", "name YQ==,name YQ==", "näme YQ==", "name " + "YQ==" * 2000, "name /w=="]
)
def test_metadata_that_does_not_decode_is_refused(client: Client, metadata: str) -> None:
    answer = client("POST", tus.BASE, {"Upload-Length": "10", "Upload-Metadata": metadata})
    assert (answer.status, answer.code) == (400, "uploads.protocol")


@pytest.mark.parametrize(
    "metadata", [{"sha256": "short"}, {"name": "line\nbreak"}, {"name": "x" * 201}, {"sha256": "G" * 64}]
)
def test_metadata_that_says_what_cannot_be_is_refused(client: Client, metadata: dict[str, str]) -> None:
    pairs = ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in metadata.items())
    answer = client("POST", tus.BASE, {"Upload-Length": "10", "Upload-Metadata": pairs})
    assert (answer.status, answer.code) == (422, "ground.invalid")


def test_creation_brings_no_bytes(client: Client) -> None:
    answer = client("POST", tus.BASE, {"Upload-Length": "10"}, [b"x" * 10])
    assert (answer.status, answer.code) == (400, "uploads.protocol")


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_other_methods_on_an_upload_are_refused(client: Client, method: str) -> None:
    assert client(method, client.create(10)).status == 405


def test_an_unknown_host_is_refused(client: Client) -> None:
    answer = client(
        "POST", tus.BASE, {**session_of(client.user), "Host": "evil.example", "Origin": "https://x"}
    )
    assert answer.status == 400


@pytest.mark.parametrize("where", ["00000000-0000-4000-8000-000000000000", "f" * 32])
def test_an_upload_that_is_not_there_is_not_found(client: Client, where: str) -> None:
    assert client("HEAD", f"{tus.BASE}/{where}").status == 404


def test_bytes_under_another_media_type_are_refused_unread(client: Client) -> None:
    answer = client.patch(client.create(10), 0, b"x" * 10, **{"Content-Type": "application/json"})
    assert (answer.status, answer.code, answer.taken) == (415, "uploads.media-type", 0)


# What is not kept.


@pytest.mark.parametrize("offset", [1, 5, 10, 11])
def test_a_wrong_offset_is_refused_unread(client: Client, offset: int) -> None:
    where = client.create(10)
    answer = client.patch(where, offset, b"x")
    assert (answer.status, answer.code, answer.taken) == (409, "uploads.wrong-offset", 0)
    assert json.loads(answer.body)["facts"] == {"given": offset, "expected": 0}


def test_the_same_bytes_again_are_refused(client: Client, private: KemPrivateKey) -> None:
    where = client.create(10)
    assert client.patch(where, 0, b"hello").status == 204
    assert client.patch(where, 0, b"HELLO").status == 409
    client.patch(where, 5, b"world")
    assert arrived(where, private) == b"helloworld"


def test_more_bytes_than_announced_for_the_upload_are_refused_unread(client: Client) -> None:
    where = client.create(10)
    answer = client.patch(where, 0, b"x" * 11, **{"Content-Length": "11"})
    assert (answer.status, answer.code, answer.taken) == (413, "uploads.too-long", 0)


def test_more_bytes_than_the_upload_has_are_not_kept(client: Client) -> None:
    where = client.create(10)
    answer = client.patch(where, 0, b"x" * 6, b"x" * 6, b"x" * 6)
    assert (answer.status, answer.code, answer.taken) == (413, "uploads.too-long", 2)
    assert client.offset(where) == 0
    assert b"STRSEGM1" not in everything_in_the_spool()


@pytest.mark.parametrize("name", ["sha256", "sha512", "sha1"])
def test_bytes_with_a_wrong_checksum_are_not_kept(client: Client, name: str) -> None:
    where = client.create(10)
    answer = client.patch(where, 0, b"hellp", **{"Upload-Checksum": checksum(b"hello", name)})
    assert (answer.status, answer.code) == (460, "uploads.wrong-checksum")
    assert client.offset(where) == 0
    assert client.patch(where, 0, b"hello", **{"Upload-Checksum": checksum(b"hello", name)}).status == 204
    assert client.offset(where) == 5


@pytest.mark.parametrize("header", ["md5 AAAA", "crc32 AAAA", ""])
def test_an_unknown_kind_of_checksum_is_refused(client: Client, header: str) -> None:
    answer = client.patch(client.create(10), 0, b"x", **{"Upload-Checksum": header})
    assert (answer.status, answer.code) == (400, "uploads.unknown-checksum")


def test_a_checksum_that_is_not_base64_is_refused(client: Client) -> None:
    answer = client.patch(client.create(10), 0, b"x", **{"Upload-Checksum": "sha256 !"})
    assert (answer.status, answer.code) == (400, "uploads.protocol")


def test_a_broken_off_request_with_a_checksum_keeps_nothing(client: Client) -> None:
    where = client.create(10)
    header = {"Upload-Checksum": checksum(b"helloworld")}
    assert client.patch(where, 0, b"hello", BROKEN_OFF, b"", **header).status == 0
    assert client.offset(where) == 0


def test_a_request_with_a_checksum_is_bounded(client: Client) -> None:
    where = client.create(65 * MIB)
    pieces = [bytes(MIB)] * 65
    answer = client.patch(where, 0, *pieces, **{"Upload-Checksum": checksum(b"")})
    assert (answer.status, answer.code) == (413, "uploads.too-large")
    assert client.offset(where) == 0


def test_a_second_request_at_the_same_time_is_refused(client: Client) -> None:
    where = client.create(10)
    upload = Upload.objects.get()
    with spool.exclusive(settings.SITE.spool, upload.pk):
        answer = client.patch(where, 0, b"hello")
    assert (answer.status, answer.code) == (423, "uploads.busy")
    assert client.patch(where, 0, b"hello").status == 204


def test_an_upload_that_moved_meanwhile_is_refused_under_the_lock(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both requests saw offset 0; the other was quicker to the lock and is done."""
    where = client.create(10)
    real = receiving._spool_key

    def meanwhile() -> Any:
        Upload.objects.update(offset=5)
        return real()

    monkeypatch.setattr(receiving, "_spool_key", meanwhile)
    assert client.patch(where, 0, b"hello").code == "uploads.wrong-offset"


def test_an_expired_upload_is_gone(client: Client) -> None:
    where = client.create(10)
    Upload.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert client("HEAD", where).status == 404
    assert client.patch(where, 0, b"x").status == 404


def test_expired_uploads_are_swept_with_their_bytes(client: Client) -> None:
    where = client.create(10)
    client.patch(where, 0, b"hello")
    Upload.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    client.create(10)
    assert not Upload.objects.filter(pk=where.rpartition("/")[2]).exists()
    assert b"STRSEGM1" not in everything_in_the_spool()


def test_complete_uploads_that_nobody_takes_are_swept_too(client: Client) -> None:
    client.patch(client.create(5), 0, b"hello")
    Upload.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    client.create(10)
    assert [upload.length for upload in Upload.objects.all()] == [10]
    assert b"STRSEGM1" not in everything_in_the_spool()


def test_a_full_disk_is_told_and_what_came_before_is_kept(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = client.create(10)
    client.patch(where, 0, b"hello")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(spool.SegmentFile, "commit", full)
    answer = client.patch(where, 5, b"world")
    assert (answer.status, answer.code) == (507, "uploads.no-space")
    assert client.offset(where) == 5


def test_a_client_that_stalls_is_let_go_and_what_came_is_kept(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "STALL_SECONDS", 0.05)
    where = client.create(10)
    pieces = iter([b"hello"])

    async def receive() -> dict[str, Any]:
        for piece in pieces:
            return {"type": "http.request", "body": piece, "more_body": True}
        return await asyncio.Future()  # nothing more ever comes

    upload = Upload.objects.get()
    taking = receiving.Receiving(upload, Actor.user(client.user), offset=0, declared=None, checksum=None)
    with pytest.raises(UploadStalled):
        asyncio.run(taking.take(receive))
    assert client.offset(where) == 5


# What is kept.


def test_what_the_server_can_do_is_told_without_signing_in(client: Client) -> None:
    answer = client("OPTIONS", tus.BASE, {"Authorization": None, "Tus-Resumable": None})
    assert answer.status == 204
    assert answer.headers["tus-extension"] == "creation,checksum,termination,expiration"
    assert answer.headers["tus-checksum-algorithm"] == "sha256,sha512,sha1"


def test_an_upload_arrives_piece_by_piece_sealed(client: Client, private: KemPrivateKey) -> None:
    content = b"a plain sentence, again and again; " * 100_000
    where = client.create(len(content), name="disk.raw", sha256=hashlib.sha256(content).hexdigest())
    for start in range(0, len(content), 1_000_000):
        answer = client.patch(where, start, content[start : start + 1_000_000])
        assert answer.status == 204
    upload = Upload.objects.get()
    assert (upload.state, upload.offset, upload.name) == ("complete", len(content), "disk.raw")
    assert b"plain sentence" not in everything_in_the_spool()
    assert arrived(where, private) == content


def test_one_long_request_is_made_durable_segment_by_segment(client: Client, private: KemPrivateKey) -> None:
    content = noise(40 * MIB)
    where = client.create(len(content))
    pieces = [content[at : at + 65536] for at in range(0, len(content), 65536)]
    assert client.patch(where, 0, *pieces).status == 204
    upload = Upload.objects.get()
    names = sorted(path.name for path in spool.directory(settings.SITE.spool, upload.pk).glob("0*"))
    assert names == [f"{at:016x}" for at in (0, 16 * MIB, 32 * MIB)]
    assert arrived(where, private) == content


def test_a_broken_off_upload_keeps_what_came_and_goes_on(client: Client, private: KemPrivateKey) -> None:
    content = noise(20 * MIB)
    where = client.create(len(content))
    assert (
        client.patch(where, 0, content[: 17 * MIB], content[17 * MIB : 18 * MIB], BROKEN_OFF, b"").status == 0
    )
    assert client.offset(where) == 18 * MIB
    assert client.patch(where, 18 * MIB, content[18 * MIB :]).status == 204
    assert arrived(where, private) == content


def test_an_upload_of_nothing_is_complete_at_once(client: Client, private: KemPrivateKey) -> None:
    where = client.create(0)
    assert Upload.objects.get().state == Upload.State.COMPLETE
    assert arrived(where, private) == b""


def test_an_upload_tells_when_it_expires(client: Client) -> None:
    answer = client("HEAD", client.create(10))
    assert answer.headers["upload-expires"].endswith("GMT")
    assert answer.headers["cache-control"] == "no-store"


def test_an_ended_upload_is_gone_with_its_bytes(client: Client) -> None:
    where = client.create(10)
    client.patch(where, 0, b"hello")
    assert client("DELETE", where).status == 204
    assert client("HEAD", where).status == 404
    assert b"STRSEGM1" not in everything_in_the_spool()


def test_a_signed_in_browser_uploads_from_our_own_page(client: Client, private: KemPrivateKey) -> None:
    where = client.create(5)
    headers = {**session_of(client.user), "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.patch(where, 0, b"hello", **headers).status == 204
    assert arrived(where, private) == b"hello"


def test_a_unit_without_a_key_takes_uploads_all_the_same(client: Client, unit: Unit) -> None:
    """No data key exists anywhere in this test."""
    Unit.objects.update(state=Unit.State.BLANK)
    assert client.patch(client.create(5), 0, b"hello").status == 204


def test_beginning_and_end_stand_in_the_event_log(client: Client) -> None:
    client.patch(client.create(5), 0, b"hello")
    client("DELETE", client.create(5))
    actions = list(
        Event.objects.filter(action__startswith="uploads.")
        .order_by("sequence")
        .values_list("action", flat=True)
    )
    assert actions == ["uploads.created", "uploads.completed", "uploads.created", "uploads.ended"]


@pytest.mark.parametrize("path", ["/", "/api/v1/uploadsx", "/api/v1/virtual-images", "/api/v1/uploads/x/y"])
def test_other_addresses_are_not_ours(client: Client, path: str) -> None:
    assert client("PATCH", path).status == 299
    assert client.below == [f"PATCH {path}"]


def test_looking_is_djangos(client: Client) -> None:
    assert client("GET", tus.BASE).status == 299


def test_a_missing_segment_is_told_to_the_engine(client: Client, private: KemPrivateKey) -> None:
    where = client.create(10)
    client.patch(where, 0, b"hello")
    client.patch(where, 5, b"world")
    upload = Upload.objects.get()
    spool.segment_path(settings.SITE.spool, upload.pk, 5).unlink()
    with pytest.raises(SpoolDamaged) as refused:
        arrived(where, private)
    assert refused.value.facts["reason"] == "missing"


def test_swapped_segments_are_refused_by_the_engine(client: Client, private: KemPrivateKey) -> None:
    where = client.create(10)
    client.patch(where, 0, b"hello")
    client.patch(where, 5, b"world")
    upload = Upload.objects.get()
    first, second = (spool.segment_path(settings.SITE.spool, upload.pk, at) for at in (0, 5))
    second.write_bytes(first.read_bytes())
    with pytest.raises(SpoolDamaged) as refused:
        arrived(where, private)
    assert refused.value.facts["reason"] == "binding.segment-place"
