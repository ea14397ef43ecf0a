"""The S3 target: the common suite against a real server, and what only S3 can do to it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.backup.errors import (
    BadTargetSettings,
    ClockSkewed,
    CredentialsMissing,
    CredentialsRefused,
    ObjectCorrupt,
    TargetAbsent,
    TargetFull,
    TargetReadOnly,
    TargetRefusal,
    TargetUnreachable,
)
from appliance.backup.targets import Target, open_target
from appliance.backup.targets.marker import open_repository
from appliance.backup.targets.s3 import S3Target
from ground.net import AddressRefused
from tests.appliance.backup.targets.conformance import TargetConformance, digest_of, put
from tests.support.hostile import Answer, Hostile, Request, error, hostile
from tests.support.stores import S3_CREDENTIALS, empty_s3, make_bucket, s3_server


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with s3_server() as found:
        yield found


@pytest.fixture
def target(address: str) -> Iterator[S3Target]:
    empty_s3(address)
    make_bucket(address, "vault")
    made = S3Target(
        {"bucket": "vault", "endpoint": address, "prefix": "units/one"}, S3_CREDENTIALS, private=True
    )
    yield made
    made.close()


class TestS3(TargetConformance):
    def plant(self, target: Target, name: str, data: bytes) -> None:
        assert isinstance(target, S3Target)
        target._call("put", name, data)


@pytest.mark.parametrize(
    "change",
    [
        {"bucket": ""},
        {"bucket": "Upper"},
        {"bucket": "a/b"},
        {"bucket": 7},
        {"region": "x y"},
        {"prefix": "/up"},
        {"prefix": "a/../b"},
        {"endpoint": "ftp://store.example"},
        {"endpoint": "https://user@store.example"},
        {"endpoint": "https://store.example/path"},
        {"endpoint": "https://store.example:x"},
        {"endpoint": "http://store.example"},
        {"ca_certificate": "no certificate"},
        {"more": "x"},
    ],
)
def test_settings_that_cannot_be_right_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadTargetSettings):
        open_target("s3", {"bucket": "vault"} | change)


def test_without_credentials_nothing_is_asked() -> None:
    with pytest.raises(CredentialsMissing):
        open_target("s3", {"bucket": "vault"}).probe(write=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "169.254.169.254", "[::1]", "10.0.0.1"])
def test_a_place_inside_is_not_called_unless_it_was_allowed(host: str) -> None:
    settings = {"bucket": "vault", "endpoint": f"https://{host}:9"}
    with pytest.raises(AddressRefused):
        open_target("s3", settings, S3_CREDENTIALS).probe(write=False)


# ---- a store that fails ----


@pytest.fixture
def store(address: str) -> Iterator[Hostile]:
    empty_s3(address)
    make_bucket(address, "vault")
    with hostile(address) as made:
        yield made


@pytest.fixture
def through(store: Hostile) -> Iterator[S3Target]:
    """A target behind the hostile proxy; it tries again once."""
    settings = {"bucket": "vault", "endpoint": store.address}
    made = S3Target(settings, S3_CREDENTIALS, private=True, retries=1, part_bytes=5 << 20)
    yield made
    made.close()


def is_put(request: Request) -> bool:
    return request.method == "PUT"


def any_request(request: Request) -> bool:
    return True


REFUSED = [
    (error(500, "InternalError"), TargetUnreachable),
    (error(503, "SlowDown"), TargetUnreachable),
    (error(409, "ConditionalRequestConflict"), TargetUnreachable),
    (error(412, "PreconditionFailed"), TargetUnreachable),
    (error(403, "RequestTimeTooSkewed"), ClockSkewed),
    (error(403, "InvalidAccessKeyId"), CredentialsRefused),
    (error(403, "SignatureDoesNotMatch"), CredentialsRefused),
    (error(403, "AccessDenied"), CredentialsRefused),
    (error(401, "Nothing"), CredentialsRefused),
    (error(404, "NoSuchBucket"), TargetAbsent),
    (error(404, "NoSuchUpload"), TargetUnreachable),
    (error(405, "MethodNotAllowed"), TargetReadOnly),
    (error(507, "InsufficientStorage"), TargetFull),
    (error(400, "QuotaExceeded"), TargetFull),
    (error(400, "InvalidDigest"), TargetUnreachable),
    (Answer(301, headers={"Location": "http://127.0.0.1:1/"}), TargetUnreachable),
]


@pytest.mark.parametrize(
    ("answer", "refusal"), REFUSED, ids=lambda v: getattr(v, "code", None) or v.body[41:70]
)
def test_an_answer_that_stays_is_a_clear_refusal_and_nothing_lies_under_the_name(
    store: Hostile, through: S3Target, answer: Answer, refusal: type[TargetRefusal]
) -> None:
    store.fail(answer, when=is_put)
    with pytest.raises(refusal) as raised:
        put(through, "chains/a/header.jws", b"header")
    assert raised.type is refusal
    assert not [value for value in S3_CREDENTIALS.values() if value in str(raised.value.as_dict())]
    store.heal()
    assert list(through.list()) == []
    assert put(through, "chains/a/header.jws", b"header") is True


@pytest.mark.parametrize(
    "answer", [error(500, "InternalError"), error(503, "SlowDown"), error(409, "Conflict")]
)
def test_an_answer_that_passes_is_tried_again(store: Hostile, through: S3Target, answer: Answer) -> None:
    store.fail(answer, when=is_put, times=1)
    assert put(through, "chains/a/header.jws", b"header") is True
    assert through.get_bytes("chains/a/header.jws", limit=10) == b"header"


def test_a_put_whose_answer_was_lost_is_known_by_its_result(store: Hostile, through: S3Target) -> None:
    lost = iter([error(500, "InternalError")])
    store.after = lambda request, _: next(lost, None) if is_put(request) else None
    assert put(through, "chains/a/header.jws", b"header") is False, "it was there when asked again"
    assert through.get_bytes("chains/a/header.jws", limit=10) == b"header"


@pytest.mark.parametrize(("answer", "refusal"), REFUSED[4:6])
def test_a_read_that_is_refused_says_why_and_is_never_an_object_that_is_missing(
    store: Hostile, through: S3Target, answer: Answer, refusal: type[TargetRefusal]
) -> None:
    put(through, "heads/one.jws", b"head")
    store.fail(answer, when=any_request)
    for call in (
        lambda: through.stat("heads/one.jws"),
        lambda: list(through.get("heads/one.jws")),
        lambda: list(through.list()),
        lambda: through.delete("heads/one.jws"),
        lambda: through.probe(write=False),
        lambda: through.is_empty(),
    ):
        with pytest.raises(refusal):
            call()


def test_a_bucket_that_is_gone_is_absent_and_never_an_object_that_is_missing(address: str) -> None:
    gone = S3Target({"bucket": "gone", "endpoint": address}, S3_CREDENTIALS, private=True, retries=0)
    for call in (
        lambda: gone.probe(write=True),
        lambda: gone.stat("heads/one.jws"),
        lambda: list(gone.get("heads/one.jws")),
        lambda: list(gone.list()),
        lambda: gone.delete("heads/one.jws"),
        lambda: put(gone, "heads/one.jws", b"x"),
    ):
        with pytest.raises(TargetAbsent):
            call()
    gone.close()


def test_a_store_that_went_away_is_unreachable(address: str) -> None:
    with hostile(address) as store:
        target = S3Target(
            {"bucket": "vault", "endpoint": store.address}, S3_CREDENTIALS, private=True, retries=0
        )
        target.probe(write=False)
    with pytest.raises(TargetUnreachable):
        list(target.list())
    target.close()


def test_credentials_that_may_only_read_are_told_at_the_probe(store: Hostile, through: S3Target) -> None:
    store.fail(error(403, "AccessDenied"), when=lambda request: request.method == "POST")
    through.probe(write=False)
    with pytest.raises(TargetReadOnly):
        through.probe(write=True)


@pytest.mark.parametrize("answer", [answer for answer, _ in REFUSED[2:4]])
def test_a_store_that_speaks_of_a_conflict_where_none_can_be_is_unreachable(
    store: Hostile, through: S3Target, answer: Answer
) -> None:
    store.fail(answer, when=lambda request: request.method in ("PUT", "POST"))
    with pytest.raises(TargetUnreachable):
        through.probe(write=True)
    with pytest.raises(TargetUnreachable):
        put(through, f"packs/aa/{digest_of(BIG)}.pack", BIG)
    store.heal()
    assert list(through.list()) == []


BIG = bytes(11 << 20)


def test_a_large_pack_goes_up_in_parts_and_a_part_with_a_wrong_etag_leaves_nothing(
    store: Hostile, through: S3Target
) -> None:
    name = f"packs/aa/{digest_of(BIG)}.pack"
    pieces = [BIG[i : i + (1 << 20)] for i in range(0, len(BIG), 1 << 20)]

    def spoil(request: Request, answer: Answer) -> Answer | None:
        wrong = {**answer.headers, "etag": '"00000000000000000000000000000000"'}
        return Answer(answer.status, answer.body, wrong) if "partNumber=2" in request.path else None

    store.after = spoil
    with pytest.raises(TargetUnreachable):
        through.put(name, pieces, digest=digest_of(BIG), size=len(BIG))
    store.heal()
    assert through.stat(name) is None
    assert through.put(name, pieces, digest=digest_of(BIG), size=len(BIG)) is True
    parts = {
        request.partition("partNumber=")[2][:1] for request in store.requests if "partNumber=" in request
    }
    assert parts == {"1", "2", "3"}
    assert sum(map(len, through.get(name))) == len(BIG)


def test_a_large_pack_that_differs_from_its_digest_is_never_completed(
    store: Hostile, through: S3Target
) -> None:
    name = f"packs/aa/{digest_of(b'other')}.pack"
    with pytest.raises(ObjectCorrupt):
        through.put(name, [BIG], digest=digest_of(b"other"), size=len(BIG))
    assert through.stat(name) is None
    begun = [request for request in store.requests if request.startswith("POST")]
    ended = [request for request in store.requests if request.startswith("DELETE")]
    assert (len(begun), len(ended)) == (1, 1), "the upload was broken off, and its parts given up"


def test_content_that_breaks_off_on_the_way_is_refused(store: Hostile, through: S3Target) -> None:
    put(through, "packs/aa/one.pack", b"x" * 5000)
    store.after = lambda _, answer: Answer(answer.status, answer.body, answer.headers, cut=1000)
    with pytest.raises((TargetUnreachable, ObjectCorrupt)):
        list(through.get("packs/aa/one.pack"))


def test_a_listing_that_cannot_be_read_is_refused(store: Hostile, through: S3Target) -> None:
    put(through, "heads/one.jws", b"head")
    store.fail(Answer(200, b"<ListBucketResult><Contents><Key>"), when=lambda request: request.is_listing)
    for call in (lambda: list(through.list()), through.is_empty, lambda: through.probe(write=False)):
        with pytest.raises(TargetUnreachable):
            call()


def test_a_redirect_is_not_followed_anywhere(store: Hostile, through: S3Target, address: str) -> None:
    with hostile(address) as elsewhere:
        where = {"Location": f"{elsewhere.address}/vault/heads/one.jws"}
        store.fail(Answer(307, headers=where), when=any_request)
        with pytest.raises(TargetUnreachable):
            list(through.get("heads/one.jws"))
        assert elsewhere.requests == []


def test_two_units_that_open_an_empty_bucket_at_once_share_one_repository(
    address: str, target: S3Target
) -> None:
    customer, found = uuid.uuid4(), []
    others = [
        S3Target({"bucket": "vault", "endpoint": address}, S3_CREDENTIALS, private=True) for _ in range(4)
    ]

    def open_one(other: S3Target) -> None:
        found.append(open_repository(other, customer=customer, expected=None, create=True))

    threads = [threading.Thread(target=open_one, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    for other in others:
        other.close()
