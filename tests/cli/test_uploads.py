"""Uploads go on where they broke off."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import httpx
import pytest

from cli import uploads
from cli.client import Site
from cli.exits import CommandError
from tests.cli.conftest import FakeSite


class Spool:
    """The site's side of one upload, by the tus rules that matter here."""

    def __init__(self, site: FakeSite, *, breaks_after: int = 10**9) -> None:
        self.content = b""
        self.metadata = ""
        self.breaks_after = breaks_after
        site.answers["POST /api/v1/uploads"] = self.create
        site.answers["HEAD /api/v1/uploads/u1"] = self.head
        site.answers["PATCH /api/v1/uploads/u1"] = self.patch

    def create(self, request: httpx.Request) -> httpx.Response:
        self.metadata = request.headers["Upload-Metadata"]
        return httpx.Response(201, headers={"Location": "/api/v1/uploads/u1"})

    def head(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Upload-Offset": str(len(self.content))})

    def patch(self, request: httpx.Request) -> httpx.Response:
        assert int(request.headers["Upload-Offset"]) == len(self.content)
        if self.breaks_after <= 0:
            raise httpx.ReadError("line broke", request=request)
        self.breaks_after -= 1
        self.content += request.read()
        return httpx.Response(204, headers={"Upload-Offset": str(len(self.content))})


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(uploads, "PIECE_BYTES", 1000)
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(range(256)) * 10)
    return path


def test_a_broken_upload_goes_on_without_sending_twice(site: FakeSite, disk: Path) -> None:
    spool = Spool(site, breaks_after=1)
    with Site("http://unit.test", "t") as unit:
        address = uploads.create(unit, size=2560, name="disk")
        with pytest.raises(CommandError, match="line broke"):
            uploads.send(unit, address, disk)
        spool.breaks_after = 10
        uploads.send(unit, address, disk)
    assert spool.content == disk.read_bytes()


def test_name_and_digest_travel_with_the_upload(site: FakeSite, disk: Path) -> None:
    spool = Spool(site)
    site.answers["POST /api/v1/virtual-images"] = (201, {"id": "i1"})
    with Site("http://unit.test", "t") as unit:
        uploads.upload_image(unit, disk, name="web")
    told = dict(part.split(" ") for part in spool.metadata.split(","))
    assert base64.b64decode(told["name"]) == b"web"
    digest = hashlib.sha256(disk.read_bytes()).hexdigest()
    assert base64.b64decode(told["sha256"]).decode() == digest
    assert json.loads(site.asked[-1].content) == {"upload": "u1", "name": "web", "sha256": digest}
