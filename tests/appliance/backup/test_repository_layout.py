"""Names and lists in a repository, as docs/formats/repository.md has them."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from appliance.backup.engine.repository import (
    Place,
    chain_name,
    decode_pack_list,
    encode_pack_list,
    head_name,
    headers_on,
    pack_name,
    value_name,
)
from appliance.backup.errors import PackListDamaged
from appliance.backup.targets.directory import DirectoryTarget

IMAGE = uuid.UUID("0f8fad5b-d9cb-469f-a165-70867728950e")
CHAIN = "ab" * 32
DIGEST = "cd" * 32


def test_the_worked_example_of_the_page() -> None:
    place = Place(CHAIN, 7, IMAGE)
    directory = f"chains/{CHAIN}/0000000007-0f8fad5bd9cb469fa16570867728950e"
    assert place.header == f"{directory}/header.jws"
    assert place.manifest == f"{directory}/manifest.sealed"
    assert place.packs == f"{directory}/packs.json"
    assert place.deletion == f"{directory}/deletion.jws"
    assert Place.of_header(place.header) == place
    assert pack_name(DIGEST) == f"packs/cd/{DIGEST}.pack"
    assert head_name(CHAIN, 7) == f"heads/{CHAIN}/0000000007.jws"
    assert value_name("ef" * 16, "a.b.c").startswith(f"values/{'ef' * 16}.")


@pytest.mark.parametrize(
    "name",
    [
        f"chains/{CHAIN}/0000000000-{IMAGE.hex}/header.jws",
        f"chains/{CHAIN}/7-{IMAGE.hex}/header.jws",
        f"chains/{CHAIN}/0000000007-{IMAGE}/header.jws",
        f"chains/{CHAIN.upper()}/0000000007-{IMAGE.hex}/header.jws",
        f"chains/{CHAIN}/0000000007-{IMAGE.hex}/header.jws/more",
        f"chains/{CHAIN}/0000000007-{IMAGE.hex}/manifest.sealed",
        f"other/{CHAIN}/0000000007-{IMAGE.hex}/header.jws",
    ],
)
def test_a_name_that_is_almost_a_headers_is_none(name: str) -> None:
    assert Place.of_header(name) is None


def test_headers_are_found_in_order_and_nothing_else(tmp_path: Path) -> None:
    target = DirectoryTarget(tmp_path)
    for sequence in (2, 1, 10):
        target.put_bytes(Place(CHAIN, sequence, IMAGE).header, b"x")
    target.put_bytes(f"chains/{CHAIN}/readme", b"x")
    target.put_bytes(Place(CHAIN, 3, IMAGE).manifest, b"x")
    assert [place.sequence for place, _, _ in headers_on(target)] == [1, 2, 10]


def test_a_pack_list_comes_back() -> None:
    packs = {DIGEST: 65536, "ab" * 32: 131072}
    assert decode_pack_list(encode_pack_list(IMAGE, packs.items()), IMAGE) == packs


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"image": str(uuid.uuid4())},
        {"packs": [["short", 1]]},
        {"packs": [[DIGEST, 0]]},
        {"packs": [[DIGEST, 1], [DIGEST, 1]]},
        {"packs": [["ff" * 32, 1], ["aa" * 32, 1]]},
        {"packs": [[DIGEST]]},
        {"packs": None},
        {"more": 1},
    ],
)
def test_a_pack_list_in_any_other_form_is_refused(change: dict[str, object]) -> None:
    members = json.loads(encode_pack_list(IMAGE, [(DIGEST, 65536)])) | change
    data = json.dumps(members, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    with pytest.raises(PackListDamaged):
        decode_pack_list(data, IMAGE)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b"null"])
def test_what_is_no_pack_list_is_refused(data: bytes) -> None:
    with pytest.raises(PackListDamaged):
        decode_pack_list(data, IMAGE)


def test_a_chain_is_named_by_the_certificate() -> None:
    assert chain_name("A" * 43) == "00" * 32
    with pytest.raises(ValueError, match="thumbprint"):
        chain_name("AAAA")
