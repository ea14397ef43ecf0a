"""Deletion records: vectors of one fault each, and the format page."""

from __future__ import annotations

import json

import pytest

from sealing.documents import deletion_record
from sealing.encoding import from_b64u
from sealing.errors import BindingRefused, Refused
from sealing.trust import Trust
from tests.sealing.world import World
from tests.vectors.make_deletion import FILE, record

STORED = json.loads(FILE.read_text())
TRUST = Trust(from_b64u(STORED["root"]), STORED["authority_list"])


@pytest.mark.parametrize("vector", STORED["vectors"], ids=lambda vector: vector["name"])
def test_a_record_with_one_fault_is_refused_by_the_layer_that_must(vector: dict[str, str]) -> None:
    with pytest.raises(Refused) as caught:
        deletion_record.read(vector["text"], TRUST)
    assert caught.value.code == vector["expect"]


@pytest.mark.parametrize("text", STORED["good"])
def test_a_good_record_is_read_and_says_what_it_replaces(text: str) -> None:
    found = deletion_record.read(text, TRUST)
    assert found.link == "aa" * 32
    assert found.unit.serial == found.serial
    assert (found.previous is None) == (found.sequence == 1)


def test_a_record_out_of_order_is_not_even_issued() -> None:
    world = World()
    claims = record(world.source.serial, expired_at=1_600_000_000)
    with pytest.raises(BindingRefused):
        deletion_record.issue(claims, world.source.signer)


def test_another_manufacturers_unit_signs_no_record_that_is_believed_here() -> None:
    world = World()
    text = deletion_record.issue(record(world.source.serial), world.source.signer)
    with pytest.raises(Refused):
        deletion_record.read(text, TRUST)
