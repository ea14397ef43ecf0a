"""The documents name real tests: a promise whose test was renamed or removed fails here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = "".join((ROOT / "docs" / name).read_text() for name in ("threat-model.md", "targets.md"))
NAMED = sorted(set(re.findall(r"`(test_[a-z0-9_]+)`", TABLE)))
FILES = sorted(set(re.findall(r"`((?:[a-z_]+/)+test_[a-z0-9_]+\.py)`", TABLE)))


def test_the_documents_name_tests_at_all() -> None:
    assert len(NAMED) >= 10
    assert len(FILES) >= 10


@pytest.mark.parametrize("name", NAMED)
def test_a_promise_names_a_test_that_exists(name: str) -> None:
    texts = (path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    assert any(f"def {name}(" in text for text in texts)


@pytest.mark.parametrize("file", FILES)
def test_a_promise_names_a_file_that_exists(file: str) -> None:
    assert (ROOT / "tests" / file).is_file()
