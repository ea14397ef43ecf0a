"""What each process loads: read off a fresh interpreter, not off the import graph."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LOAD_WEB = "import config.asgi, django.urls; django.urls.get_resolver().url_patterns"
LOAD_WORKER = (
    "import config.celery; config.celery.app.loader.import_default_modules(); config.celery.app.finalize()"
)
LOAD_KEYS = "import appliance.keys.process"

# Beginnings of module names that a process must not have loaded, with the reason.
ENGINE_SIDE = {"engine", "tasks", "store"}
CLOSED_TO_WEB = ("appliance.keys.client", "appliance.keys.process", "sealing.keyring", "sealing.vault")


def loaded_modules(code: str, role: str, site: Path, process: str = "web") -> set[str]:
    """Modules in memory after ``code`` ran in an interpreter of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "STRONGROOM_ROLE": role,
        "STRONGROOM_SITE_DIR": str(site),
        "STRONGROOM_PROCESS": process,
        "STRONGROOM_DESK_URL": "http://localhost:1",
    }
    program = f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def below(modules: set[str], *names: str) -> set[str]:
    return {m for m in modules if any(m == name or m.startswith(name + ".") for name in names)}


def own(modules: set[str]) -> set[str]:
    return below(modules, "appliance", "manufacturer")


@pytest.mark.parametrize("role", ["appliance", "manufacturer"])
def test_the_web_process_has_no_engine_tasks_keyring_vault_or_store(role: str, tmp_path: Path) -> None:
    modules = loaded_modules(LOAD_WEB, role, tmp_path)
    assert {m for m in own(modules) if ENGINE_SIDE & set(m.split("."))} == set()
    assert below(modules, *CLOSED_TO_WEB) == set()


def test_the_desk_web_process_has_no_custody(tmp_path: Path) -> None:
    assert below(loaded_modules(LOAD_WEB, "manufacturer", tmp_path), "manufacturer.custody") == set()


@pytest.mark.parametrize(("role", "other"), [("appliance", "manufacturer"), ("manufacturer", "appliance")])
def test_a_side_does_not_load_the_other(role: str, other: str, tmp_path: Path) -> None:
    assert below(loaded_modules(LOAD_WEB, role, tmp_path), other) == set()
    assert below(loaded_modules(LOAD_WORKER, role, tmp_path, "worker"), other) == set()


@pytest.mark.parametrize("role", ["appliance", "manufacturer", "custody"])
def test_workers_load_no_pages_no_rest_and_no_sign_in(role: str, tmp_path: Path) -> None:
    """Apps are named for their rows; nothing that answers a request comes with them."""
    modules = loaded_modules(LOAD_WORKER, role, tmp_path, "worker")
    served = ("rest_framework.views", "rest_framework.serializers", "drf_spectacular", "config.urls.common")
    assert below(modules, *served, "allauth.account.views") == set()
    assert {
        m for m in below(modules, "portal", *own(modules)) if {"views", "urls", "api"} & set(m.split("."))
    } == set()


def test_custody_loads_nothing_of_the_desk(tmp_path: Path) -> None:
    modules = loaded_modules(LOAD_WORKER, "custody", tmp_path, "worker")
    rooms = ("manufacturer.registry", "manufacturer.escrow", "manufacturer.rma", "accounts")
    assert below(modules, *rooms) == set()
    assert below(modules, "manufacturer.custody")


def test_the_key_process_loads_no_django_and_no_task_queue(tmp_path: Path) -> None:
    modules = loaded_modules(LOAD_KEYS, "appliance", tmp_path)
    assert below(modules, "django", "rest_framework", "celery", "kombu", "redis", "httpx") == set()
    assert "appliance.keys.process" in modules
