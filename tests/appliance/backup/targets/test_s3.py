"""The S3 target: the common suite against a real server, and what only S3 can do to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.backup.targets import Target
from appliance.backup.targets.s3 import S3Target
from tests.appliance.backup.targets.conformance import TargetConformance
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
