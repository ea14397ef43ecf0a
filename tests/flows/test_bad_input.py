"""Bad input against living sites: a refusal with a permanent code, and nothing lost or changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cli import uploads
from cli.client import Site
from config.demo.journey import DESK, UNIT_A, UNIT_B, Journey, newest_header
from config.supervisor.world import World, wait_until
from tests.support.worlds import bring_in_all, living_world, refusal_of, small_disks

pytestmark = pytest.mark.timeout(300)
TWENTY_MB = 20_000_000
PADDING = b"canary-of-a-stranger" * (TWENTY_MB // 20)


@dataclass
class Place:
    """A world with one backup image, and the header that a contact would hand in."""

    world: World
    journey: Journey
    target: Path
    disk: Path
    header: str

    def tickets(self) -> int:
        with self.journey.at(DESK, "clerk") as desk:
            return len(list(desk.each("tickets")))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    disks = small_disks(tmp_path_factory.mktemp("disks"))
    with living_world() as world:
        journey, target = Journey(world), world.root / "target"
        bring_in_all(journey, disks[:1])
        journey.back_up(UNIT_A, target)
        yield Place(world, journey, target, disks[0].path, newest_header(target))


def written_by(root: Path, needle: bytes) -> list[Path]:
    """Files below the root that hold the needle."""
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if needle in content_of(path)]


def content_of(path: Path) -> bytes:
    """A living site removes files while one looks."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


@pytest.mark.parametrize("site", [UNIT_A, DESK])
@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("POST", "/"),
        ("POST", "/nowhere"),
        ("POST", "/accounts/login/"),
        ("POST", "/api/v1/tokens"),
        ("POST", "/api/v1/values"),
        ("POST", "/api/v1/uploads"),
        ("PATCH", "/api/v1/uploads/6f1c3a4e-0000-4000-8000-000000000000"),
        ("PUT", "/api/v1/settings"),
    ],
)
def test_twenty_megabytes_from_a_stranger_leave_nothing(
    place: Place, site: str, method: str, address: str
) -> None:
    headers = {"Content-Type": "application/octet-stream", "Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
    url = place.world.url(site) + address
    with httpx.Client(timeout=30) as stranger:
        try:
            status = stranger.request(method, url, content=PADDING, headers=headers).status_code
        except httpx.WriteError:
            status = 413  # the site hung up on the rest of the body
    assert 400 <= status < 500
    assert written_by(place.world.sites[site].root, b"canary-of-a-stranger") == []


def altered(text: str) -> str:
    """One character of the signed text is another one."""
    spot = len(text) // 2
    return text[:spot] + ("A" if text[spot] != "A" else "B") + text[spot + 1 :]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        pytest.param(altered, "documents.refused", id="altered"),
        pytest.param(lambda text: text[:-40], "documents.refused", id="truncated"),
        pytest.param(lambda text: "\ufeff" + text, "documents.refused", id="byte-order-mark"),
        pytest.param(lambda text: text.rpartition(".")[0] + ".", "documents.refused", id="unsigned"),
        pytest.param(lambda text: text + "AAAA", "documents.refused", id="trailing"),
        pytest.param(lambda _: "not a document at all", "documents.refused", id="words"),
        pytest.param(lambda _: "", "ground.invalid", id="empty"),
    ],
)
def test_a_spoiled_header_opens_no_ticket(place: Place, spoil: Callable[[str], str], code: str) -> None:
    before = place.tickets()
    assert refusal_of(lambda: place.journey.open_ticket(spoil(place.header))) == code
    assert place.tickets() == before


def test_an_upload_at_a_wrong_offset_is_refused_and_goes_on(place: Place) -> None:
    with place.journey.at(UNIT_A, "admin") as unit:
        size = place.disk.stat().st_size
        address = uploads.create(unit, size=size, name="resumed")
        headers = {**uploads.TUS, "Upload-Offset": "5", "Content-Type": uploads.OFFSET_CONTENT}
        code = refusal_of(lambda: unit.request("PATCH", address, headers=headers, content=b"x" * 10))
        assert code == "uploads.wrong-offset"
        assert uploads.offset_of(unit, address) == 0
        uploads.send(unit, address, place.disk)
        assert uploads.offset_of(unit, address) == size


def test_content_with_another_digest_than_declared_becomes_no_image(place: Place) -> None:
    with place.journey.at(UNIT_A, "admin") as unit:
        address = uploads.create(unit, size=place.disk.stat().st_size, name="wrong")
        uploads.send(unit, address, place.disk)
        body = {"upload": address.rpartition("/")[2], "name": "wrong", "sha256": "0" * 64}
        image = unit.post("virtual-images", body)["id"]
        wait_until(lambda: unit.get(f"virtual-images/{image}")["state"] == "failed", "the refusal", 30)
        assert unit.get(f"virtual-images/{image}")["problem"]["code"] == "content.digest-mismatch"


def test_nobody_on_a_blank_unit_may_start_a_backup(place: Place) -> None:
    """Its one account recovers; units without an active key are in `tests/appliance/backup/test_run.py`."""
    with place.journey.at(UNIT_B, "recovery-operator") as unit:
        assert refusal_of(lambda: unit.post("backup-images", {"target": "0" * 32})) == "ground.forbidden"


def test_a_target_that_is_not_there_is_told_in_words(place: Place, tmp_path: Path) -> None:
    with place.journey.at(UNIT_A, "admin") as unit:
        body = {"name": "gone", "kind": "directory", "settings": {"path": str(tmp_path / "gone")}}
        row = unit.post("backup-targets", body)
        code = refusal_of(lambda: place.journey.done(unit, unit.post(f"backup-targets/{row['id']}/connect")))
        assert code == "target.absent"
        assert unit.get(f"backup-targets/{row['id']}")["problem"]["next_step"] != ""


def test_a_token_that_nobody_issued_opens_nothing(place: Place) -> None:
    with Site(place.world.url(UNIT_A), "0" * 64) as stranger:
        assert refusal_of(lambda: stranger.get("unit")) == "ground.unauthenticated"


def test_after_all_that_the_unit_still_backs_up(place: Place) -> None:
    assert place.journey.back_up(UNIT_A, place.target)["state"] == "verified"
