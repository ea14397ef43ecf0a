"""Buckets that keep what is put (Object Lock), and packs far larger than memory should be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from appliance.backup.targets.s3 import PART_BYTES, PARTS_AT_ONCE, S3Target
from tests.appliance.backup.targets.conformance import digest_of, put
from tests.support.hostile import Request, hostile
from tests.support.stores import S3_CREDENTIALS, empty_s3, make_bucket, s3_server

MIB = 1 << 20
KEPT_A_DAY = """<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>
<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>"""
# The test server asks who calls and verifies no signature.
OWNER = {
    "Authorization": f"AWS4-HMAC-SHA256 Credential={S3_CREDENTIALS['access_key_id']}/20260101/us-east-1/s3/"
    "aws4_request, SignedHeaders=host, Signature=0"
}
LARGE = """
import hashlib, json, sys
from appliance.backup.targets.s3 import S3Target
settings, credentials, mib = json.load(sys.stdin)

def peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024

piece, digest = bytes(range(256)) * 4096, hashlib.sha256()
for _ in range(mib):
    digest.update(piece)
target = S3Target(settings, credentials, private=True)
target.put("packs/aa/" + hashlib.sha256(b"small").hexdigest() + ".pack", [b"small"],
           digest=hashlib.sha256(b"small").hexdigest(), size=5)
before = peak()
name = "packs/aa/" + digest.hexdigest() + ".pack"
target.put(name, (piece for _ in range(mib)), digest=digest.hexdigest(), size=mib << 20)
got = sum(len(part) for part in target.get(name))
print(json.dumps({"grown": peak() - before, "got": got}))
"""


@pytest.fixture
def address() -> Iterator[str]:
    with s3_server() as found:
        yield found
        empty_s3(found)


def test_a_bucket_with_a_default_retention_keeps_what_a_unit_puts_and_deletes(address: str) -> None:
    """Such buckets ask for a checksum with each request. S3 takes Content-MD5 or any x-amz-checksum-; the
    test server wants a header of Amazon's own clients beside it, added on the way to what has one."""
    make_bucket(address, "locked", **{"x-amz-bucket-object-lock-enabled": "true"})
    httpx.put(f"{address}/locked?object-lock", content=KEPT_A_DAY).raise_for_status()
    without: list[str] = []

    with hostile(address) as store:
        store.before = vouching(without)
        settings = {"bucket": "locked", "endpoint": store.address, "prefix": "u"}
        target = S3Target(settings, S3_CREDENTIALS, private=True)
        try:
            keeps(address, target, b"x" * 5000)
            large = bytes(PART_BYTES + MIB)  # in parts: the test server locks none of these by itself
            assert put(target, f"packs/aa/{digest_of(large)}.pack", large) is True
        finally:
            target.close()
        assert any("partNumber=2" in request for request in store.requests)
    assert without == []


def vouching(without: list[str]) -> Callable[[Request], None]:
    """Adds Amazon's header to each PUT that has a checksum, and notes those that have none."""

    def vouch(request: Request) -> None:
        if request.method != "PUT":
            return
        if "x-amz-checksum-sha256" in {name.lower() for name in request.headers}:
            request.headers["x-amz-sdk-checksum-algorithm"] = "SHA256"
        else:
            without.append(request.path)

    return vouch


def keeps(address: str, target: S3Target, data: bytes) -> None:
    name = f"packs/aa/{digest_of(data)}.pack"
    key = f"{address}/locked/u/{name}"
    with httpx.Client(headers=OWNER) as owner:
        assert put(target, name, data) is True
        lies = owner.head(key).headers
        assert lies["x-amz-object-lock-mode"] == "COMPLIANCE"
        version = lies["x-amz-version-id"]
        assert target.delete(name) is True
        assert target.stat(name) is None, "hidden from listings and readers"
        refused = owner.delete(f"{key}?versionId={version}")
        assert refused.status_code == httpx.codes.FORBIDDEN
        assert owner.get(f"{key}?versionId={version}").content == data, "and kept by the store all the same"
        assert put(target, name, data) is True, "it may be put again"


def test_a_pack_of_a_quarter_gigabyte_goes_up_and_down_in_flat_memory(
    address: str, site_environment: dict[str, str]
) -> None:
    make_bucket(address, "vault")
    mib = 256
    settings = {"bucket": "vault", "endpoint": address, "prefix": "u"}
    done = subprocess.run(
        [sys.executable, "-c", LARGE],
        cwd=Path(__file__).resolve().parents[4],
        env={**site_environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        input=json.dumps([settings, S3_CREDENTIALS, mib]),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["got"] == mib * MIB
    assert found["grown"] * MIB < 2 * PART_BYTES * PARTS_AT_ONCE, found
