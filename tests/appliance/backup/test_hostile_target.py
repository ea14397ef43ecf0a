"""Backups onto a store that fails, lies or throws the unit out in mid-run: a clear refusal, no image lost,
nothing concluded from a listing that is not whole, and what was sent is not sent again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.backup.actions.add_target import add_target
from appliance.backup.actions.connect_target import connect_target
from appliance.backup.actions.start_backup import start_backup
from appliance.backup.engine import house
from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.targets import s3
from tests.support.bench import ADMIN, Bench, noise
from tests.support.hostile import Answer, Hostile, Request, error, hostile
from tests.support.stores import S3_CREDENTIALS, make_bucket, s3_server


@pytest.fixture
def store() -> Iterator[Hostile]:
    with s3_server() as address:
        make_bucket(address, "vault")
        with hostile(address) as made:
            yield made


def is_put(request: Request) -> bool:
    return request.method == "PUT"


def is_read(request: Request) -> bool:
    return request.method in ("GET", "HEAD") and not request.is_listing


def is_listing(request: Request) -> bool:
    return request.is_listing


def images(target: BackupTarget) -> list[tuple[int, str]]:
    usable = BackupImage.objects.filter(target=target).exclude(state="abandoned")
    return list(usable.order_by("sequence").values_list("sequence", "state"))


def headers(target: BackupTarget) -> list[str]:
    return [stat.name for stat in house.open_row(target).list() if stat.name.endswith("header.jws")]


def test_a_store_that_fails_in_mid_run_refuses_and_goes_on_where_it_stopped(
    unit_on_bench: Bench, store: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "RETRIES", 0)
    bench = unit_on_bench
    target = add_target(
        actor=ADMIN,
        name="bucket",
        kind="s3",
        settings={"bucket": "vault", "endpoint": store.address},
        credentials=S3_CREDENTIALS,
        private_addresses=True,
    )
    bench.done(bench.waiting("backup.survey").get())
    target.refresh_from_db()
    assert target.state == "ready"
    bench.back_up(target)
    bench.add_image("third", noise(11))
    for answer, code in (
        (error(403, "InvalidAccessKeyId"), "target.credentials-refused"),
        (error(403, "RequestTimeTooSkewed"), "target.clock-skewed"),
        (error(507, "InsufficientStorage"), "target.full"),
        (error(503, "SlowDown"), "target.unreachable"),
        (error(404, "NoSuchBucket"), "target.absent"),
    ):
        seen = iter(range(1 << 20))

        def second_put(request: Request, seen: Iterator[int] = seen) -> bool:
            return is_put(request) and next(seen) >= 1

        store.fail(answer, when=second_put)
        assert bench.refused(start_backup(target, actor=ADMIN)) == code
        store.heal()
        target.refresh_from_db()
        assert (target.state, (target.problem or {})["code"]) == ("refused", code)
        assert images(target) == [(1, "verified")]
        assert len(headers(target)) == 1
    store.requests.clear()
    bench.back_up(target)
    again = [request for request in store.requests if request.startswith("PUT") and "/packs/" in request]
    assert len(again) == len(set(again))
    assert images(target) == [(1, "verified"), (2, "verified")]
    # Listing nothing, or half: nothing is concluded, nothing is deleted, no row is touched.
    first = headers(target)[0]

    def nothing(request: Request, _: Answer) -> Answer | None:
        body = b"<ListBucketResult><Name>vault</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
        return Answer(200, body, {"Content-Type": "application/xml"}) if is_listing(request) else None

    def half(request: Request, answer: Answer) -> Answer | None:
        body = answer.body.replace(first.encode(), first.replace("header.jws", "nothing").encode())
        return Answer(200, body, answer.headers) if is_listing(request) else None

    for lie in (nothing, half):
        store.requests.clear()
        store.after = lie
        assert bench.refused(connect_target(target, actor=ADMIN)) == "target.listing-incomplete"
        assert bench.refused(start_backup(target, actor=ADMIN)) == "target.listing-incomplete"
        assert not [request for request in store.requests if request.startswith("DELETE /vault/c")]
        assert images(target) == [(1, "verified"), (2, "verified")]
        store.heal()
    # A bucket that says it holds nothing, marker and all, is no fresh place for a repository.
    store.fail(error(404, "NoSuchKey"), when=is_read)
    store.after = nothing
    assert bench.refused(connect_target(target, actor=ADMIN)) == "target.not-a-repository"
    store.heal()
    assert bench.done(connect_target(target, actor=ADMIN)).result["images"] == 2
