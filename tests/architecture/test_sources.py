"""Rules on the sources that no linter has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "sealing",
    "ground",
    "audit",
    "accounts",
    "jobs",
    "appliance",
    "manufacturer",
    "portal",
    "cli",
    "config",
)
LONGEST = 500  # lines; 300 is where to look for a seam

SOURCES = sorted(
    path
    for room in ROOMS
    for path in (ROOT / room).rglob("*.py")
    if "__pycache__" not in path.parts and "migrations" not in path.parts
)
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_module_is_too_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


def test_cryptography_is_imported_in_sealing_alone() -> None:
    users = {
        name_of(path)
        for path in SOURCES
        for name in imported(ast.parse(path.read_text()))
        if name.split(".")[0] == "cryptography"
    }
    assert {user for user in users if not user.startswith("sealing/")} == set()
    assert users


def test_no_private_module_of_cryptography_is_used() -> None:
    names = {
        name for path in SOURCES for name in imported(ast.parse(path.read_text())) if "cryptography" in name
    }
    assert {name for name in names if re.search(r"\._|bindings|openssl\.backend", name)} == set()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_room_pickles_nothing_and_evaluates_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert {"pickle", "marshal", "shelve", "dill"} & {name.split(".")[0] for name in imported(tree)} == set()
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert {"eval", "exec"} & called == set()


def test_time_is_not_slept_away_in_tests() -> None:
    """A test polls for what it waits for; the helpers of tests/support may pause between looks."""
    sleepers = {
        name_of(path)
        for path in TESTS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        for inner in ast.walk(node)
        if isinstance(inner, ast.Call) and ast.unparse(inner.func) in {"time.sleep", "sleep"}
    }
    assert sleepers == set()


def test_no_test_branches() -> None:
    """A test that may take two ways proves neither."""
    branching = {
        f"{name_of(path)}::{node.name}"
        for path in TESTS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        for inner in ast.walk(node)
        if isinstance(inner, ast.If)
    }
    assert branching == set()
