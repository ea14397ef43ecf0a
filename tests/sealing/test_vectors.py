"""Vectors of one fault each: the layer that must refuse is the layer that refuses.

The stored set guards what was once written; a set made anew in the same run guards the makers.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sealing.errors import LAYERS, Refused
from tests.sealing.procedures import perform
from tests.vectors.make_documents import FILE, make

STORED = json.loads(FILE.read_text())
NAMES = [vector["name"] for vector in STORED["vectors"]]


@pytest.fixture(scope="module")
def fresh() -> dict[str, Any]:
    made = make()
    return {**made, "by_name": {vector["name"]: vector for vector in made["vectors"]}}


def _refusal(vector: dict[str, Any], world: dict[str, Any]) -> Refused:
    with pytest.raises(Refused) as refused:
        perform(vector, world)
    return refused.value


@pytest.mark.parametrize("vector", STORED["vectors"], ids=NAMES)
def test_a_stored_fault_is_refused_in_its_layer(vector: dict[str, Any]) -> None:
    refusal = _refusal(vector, STORED["world"])
    assert (refusal.layer, refusal.code) == (vector["layer"], vector["code"])


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_fault_is_refused_in_its_layer(name: str, fresh: dict[str, Any]) -> None:
    vector = fresh["by_name"][name]
    refusal = _refusal(vector, fresh["world"])
    assert (refusal.layer, refusal.code) == (vector["layer"], vector["code"])


@pytest.mark.parametrize("vector", STORED["good"], ids=[good["name"] for good in STORED["good"]])
def test_a_stored_good_document_is_accepted(vector: dict[str, Any]) -> None:
    perform(vector, STORED["world"])


def test_fresh_good_documents_are_accepted(fresh: dict[str, Any]) -> None:
    accepted = [perform(vector, fresh["world"]) or vector["name"] for vector in fresh["good"]]
    assert len(accepted) == len(STORED["good"])


def test_the_stored_vectors_are_those_that_the_script_makes(fresh: dict[str, Any]) -> None:
    assert [vector["name"] for vector in fresh["vectors"]] == NAMES
    assert [v["code"] for v in STORED["vectors"]] == [v["code"] for v in fresh["vectors"]]


def test_there_are_vectors_for_every_layer_each_under_its_own_name() -> None:
    assert {vector["layer"] for vector in STORED["vectors"]} == set(LAYERS)
    assert len(set(NAMES)) == len(NAMES) >= 80


def test_all_reasons_of_a_seal_that_does_not_open_look_the_same() -> None:
    seals = [vector for vector in STORED["vectors"] if vector["layer"] == "seal"]
    said = {str(_refusal(vector, STORED["world"])) for vector in seals}
    assert said == {"seal.does-not-open: wrong key or altered"}
