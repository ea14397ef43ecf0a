"""Refusals: permanent codes, facts, next steps."""

from __future__ import annotations

import pickle
import re

from ground import refusals
from ground.refusals import Refusal, Stale
from ground.rest.problems import STATUS, status_of


def test_every_kind_of_refusal_has_one_http_status() -> None:
    assert set(STATUS) == refusals.KINDS


def test_every_declared_refusal_has_a_code_of_its_own_a_title_and_a_known_kind() -> None:
    declared = [each for each in refusals.all_refusals() if each.__module__.split(".")[0] != "tests"]
    codes = [each.code for each in declared if "code" in vars(each)]
    assert len(codes) == len(set(codes))
    for each in declared:
        assert re.fullmatch(r"[a-z]+(\.[a-z0-9]+(-[a-z0-9]+)*)+", each.code), each.code
        assert each.kind in refusals.KINDS
        assert each.title.endswith((".", "?", "!")), each.code
        assert status_of(each()) >= 400


def test_facts_travel_with_the_refusal() -> None:
    refusal = Stale(thing="job", wanted="done")
    assert refusal.as_dict()["facts"] == {"thing": "job", "wanted": "done"}
    assert "thing=job" in str(refusal)
    copy = pickle.loads(pickle.dumps(refusal))
    assert type(copy) is Stale
    assert copy.facts == refusal.facts


def test_a_refusal_is_an_exception_of_one_root() -> None:
    assert issubclass(Stale, Refusal)
