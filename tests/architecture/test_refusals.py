"""Every public refusal has a permanent code of its own, says what to do next, and is provoked by a test."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import appliance
import manufacturer
from ground.refusals import Refusal

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"[a-z]+(-[a-z]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+")
ROOMS_OF_REFUSALS = ("accounts", "audit", "ground", "jobs")  # beside the two sides
TELLING = ("errors", "refusals")  # modules that hold refusals


def _modules() -> list[str]:
    found = [f"{room}.errors" for room in ROOMS_OF_REFUSALS if (ROOT / room / "errors.py").is_file()]
    for side in (appliance, manufacturer):
        walk = pkgutil.walk_packages(side.__path__, f"{side.__name__}.", onerror=lambda _name: None)
        found += [module.name for module in walk if module.name.rpartition(".")[2] in TELLING]
    return found


def _leaves(cls: type[Refusal]) -> list[type[Refusal]]:
    below = cls.__subclasses__()
    return [leaf for sub in below for leaf in _leaves(sub)] if below else [cls]


@cache
def refusals() -> tuple[type[Refusal], ...]:
    for name in _modules():
        importlib.import_module(name)
    ours = {leaf for leaf in _leaves(Refusal) if not leaf.__module__.startswith("tests")}
    return tuple(sorted(ours, key=lambda leaf: leaf.code))


@cache
def _words_of_tests() -> str:
    own = Path(__file__)
    texts = (path.read_text() for path in sorted((ROOT / "tests").rglob("*.py")) if path != own)
    return "\n".join(texts).replace("\\.", ".")  # a code may stand in a pattern


def test_codes_are_permanent_names_and_none_is_used_twice() -> None:
    codes = Counter(refusal.code for refusal in refusals())
    assert len(codes) > 200
    assert [code for code, times in codes.items() if times > 1] == []
    assert [code for code in codes if not CODE.fullmatch(code)] == []


@pytest.mark.parametrize("refusal", refusals(), ids=lambda refusal: refusal.code)
def test_a_refusal_says_what_is_wrong_and_what_to_do_next(refusal: type[Refusal]) -> None:
    assert refusal.title.strip()
    assert refusal.next_step.strip()


@pytest.mark.parametrize("refusal", refusals(), ids=lambda refusal: refusal.code)
def test_some_test_provokes_it(refusal: type[Refusal]) -> None:
    named = re.compile(rf"{re.escape(refusal.code)}(?![a-z0-9-])|\b{refusal.__name__}\b")
    assert named.search(_words_of_tests())
