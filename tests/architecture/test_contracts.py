"""The import contracts hold, and each one is proven by a violation planted into the real import graph."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from grimp import ImportGraph
from importlinter import configuration
from importlinter.application import use_cases
from importlinter.domain.contract import Contract, registry

configuration.configure()

ROOT = Path(__file__).resolve().parents[2]

# contract → (importer, imported): an import that the contract must catch. Modules not there are planted too.
PLANTED = {
    "floors": [
        ("sealing.encoding", "ground.refusals"),
        ("ground.refusals", "audit.log"),
        ("audit.log", "accounts.models"),
        ("accounts.models", "jobs.models"),
        ("jobs.models", "appliance.unit.models"),
        ("appliance.unit.models", "portal.unit.views_planted"),
        ("appliance.unit.models", "manufacturer.registry.models"),
        ("portal.unit.views_planted", "cli.main"),
        ("cli.main", "config.settings"),
    ],
    "appliance-floors": [
        ("appliance.unit.models", "appliance.keys.models"),
        ("appliance.keys.models", "appliance.content.models"),
        ("appliance.backup.models", "appliance.recovery.models"),
        ("appliance.backup.models", "appliance.schedules.models"),
        ("appliance.notices.models", "appliance.content.models"),
    ],
    "desk-floors": [
        ("manufacturer.registry.models", "manufacturer.escrow.models"),
        ("manufacturer.escrow.models", "manufacturer.rma.models"),
    ],
    "custody-apart": [
        ("manufacturer.custody.models", "manufacturer.registry.models"),
        ("manufacturer.custody.models", "accounts.models"),
    ],
    "custody-alone": [
        ("portal.desk.views_planted", "manufacturer.custody.models"),
        ("manufacturer.rma.models", "manufacturer.custody.models"),
    ],
    "portal-halves": [("portal.unit.views_planted", "portal.desk.views_planted")],
    "unit-knows-no-desk": [("portal.unit.views_planted", "manufacturer.registry.models")],
    "desk-knows-no-unit": [("portal.desk.views_planted", "appliance.unit.models")],
    "cryptography": [("ground.refusals", "cryptography"), ("cli.main", "cryptography")],
    "sealing-alone": [("sealing.encoding", "django"), ("sealing.encoding", "httpx")],
    "key-process-without-django": [
        ("appliance.keys.process", "django"),
        ("appliance.keys.process", "ground.db.models"),
    ],
    "web-without-engine": [
        ("appliance.backup.api.views", "appliance.backup.engine"),
        ("appliance.backup.actions", "appliance.backup.tasks"),
        ("appliance.backup.selectors", "appliance.keys.client"),
        ("appliance.keys.selectors", "sealing.vault"),
        ("portal.unit.views_planted", "sealing.keyring"),
    ],
    "desk-web-without-tasks": [
        ("manufacturer.rma.actions", "manufacturer.rma.tasks"),
        ("portal.desk.views_planted", "manufacturer.custody.models"),
    ],
    "pages-call-actions": [
        ("portal.unit.views_planted", "appliance.backup.models"),
        ("portal.desk.views_planted", "manufacturer.rma.models"),
        ("portal.unit.views_planted", "sealing.encoding"),
    ],
    "cli-is-a-client": [("cli.main", "django"), ("cli.main", "accounts.models")],
}


def contract_of(options: dict[str, Any]) -> Contract:
    return registry.get_contract_class(options["type"])(
        name=options["name"],
        session_options=USER_OPTIONS.session_options,
        contract_options=options,
    )


use_cases._register_contract_types(USER_OPTIONS := use_cases.read_user_options(str(ROOT / ".importlinter")))
CONTRACTS = {str(options["id"]): options for options in USER_OPTIONS.contracts_options}


@pytest.fixture(scope="module")
def graph() -> ImportGraph:
    return use_cases._build_graph(
        root_package_names=USER_OPTIONS.session_options["root_packages"],
        include_external_packages=True,
        exclude_type_checking_imports=True,
        verbose=False,
        cache_dir=None,
    )


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_the_contract_holds(graph: ImportGraph, name: str) -> None:
    check = contract_of(CONTRACTS[name]).check(deepcopy(graph), verbose=False)
    assert check.kept, check.metadata


@pytest.mark.parametrize(
    ("name", "importer", "imported"),
    [(name, importer, imported) for name, pairs in sorted(PLANTED.items()) for importer, imported in pairs],
)
def test_a_planted_violation_breaks_the_contract(
    graph: ImportGraph, name: str, importer: str, imported: str
) -> None:
    planted = deepcopy(graph)
    for module in (importer, imported):
        planted.add_module(module) if module not in planted.modules else None
    planted.add_import(importer=importer, imported=imported)
    assert not contract_of(CONTRACTS[name]).check(planted, verbose=False).kept


def test_every_contract_is_proven_by_a_plant() -> None:
    assert set(PLANTED) == set(CONTRACTS)


def test_the_command_fails_on_a_planted_file(tmp_path: Path) -> None:
    for package in USER_OPTIONS.session_options["root_packages"]:
        source = Path(importlib.import_module(package).__path__[0])
        shutil.copytree(source, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    (tmp_path / "ground" / "planted.py").write_text("import cryptography.hazmat\n")
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--no-cache",
        "--contract",
        "cryptography",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ground.planted -> cryptography" in done.stdout
