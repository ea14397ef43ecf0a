"""Settings: safe to deploy as they stand, one switch for the loopback address, only what a role needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.web import free_port

ROOT = Path(__file__).resolve().parents[2]
ROLES = ["appliance", "manufacturer", "custody"]


def environment(site: Path, role: str, **more: str) -> dict[str, str]:
    """As on a fresh machine: nothing of this run's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "STRONGROOM_SITE_DIR": str(site), "STRONGROOM_ROLE": role, **more}


def manage(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def settings_of(env: dict[str, str], *names: str) -> dict[str, Any]:
    script = (
        "import json, os; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'\n"
        "from django.conf import settings\n"
        f"print(json.dumps({{name: getattr(settings, name, None) for name in {names!r}}}, default=str))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


@pytest.mark.parametrize("host", ["0.0.0.0", "example.org", "192.168.1.10", "localhost,unit.example.org"])
def test_the_loopback_switch_is_refused_on_any_other_address(tmp_path: Path, host: str) -> None:
    env = environment(tmp_path, "appliance", STRONGROOM_LOOPBACK="1", STRONGROOM_HOSTS=host)
    done = manage(env, "check")
    assert done.returncode != 0
    assert "STRONGROOM_LOOPBACK=1" in done.stderr


@pytest.mark.parametrize("address", ["0.0.0.0:8000", "example.org:8000"])
def test_the_development_server_is_refused_on_any_other_address(tmp_path: Path, address: str) -> None:
    done = manage(environment(tmp_path, "appliance"), "runserver", address)
    assert done.returncode != 0
    assert "refused" in done.stderr


def test_custody_answers_no_requests(tmp_path: Path) -> None:
    done = manage(environment(tmp_path, "custody"), "runserver", str(free_port()))
    assert done.returncode != 0
    assert "answers no requests" in done.stderr
    found = settings_of(environment(tmp_path, "custody"), "INSTALLED_APPS", "ROOT_URLCONF", "MIDDLEWARE")
    assert found["ROOT_URLCONF"] == "config.urls.none"
    assert found["MIDDLEWARE"] == []
    assert set(found["INSTALLED_APPS"]) <= {"ground", "audit", "manufacturer.custody"}


@pytest.mark.parametrize("role", ROLES)
def test_migrate_works_with_no_preparation(tmp_path: Path, role: str) -> None:
    env = environment(tmp_path / "site", role)
    migrated = manage(env, "migrate", "--verbosity", "0")
    assert migrated.returncode == 0, migrated.stderr
    assert manage(env, "migrate", "--check").returncode == 0
    secrets = sorted((tmp_path / "site" / "secrets").iterdir())
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}


@pytest.mark.parametrize("role", ROLES[:2])
def test_cookies_of_two_sites_on_one_host_have_different_names(tmp_path: Path, role: str) -> None:
    names = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE", "SECURE_SSL_REDIRECT")
    one = settings_of(environment(tmp_path / "one", role), *names)
    two = settings_of(environment(tmp_path / "two", role), *names)
    cookies = {found[name] for found in (one, two) for name in names[:2]}
    assert len(cookies) == 4
    assert all(name.startswith("__Host-") for name in cookies)
    assert one["SESSION_COOKIE_SECURE"] is True
    assert one["SECURE_SSL_REDIRECT"] is True
    local = settings_of(environment(tmp_path / "one", role, STRONGROOM_LOOPBACK="1"), *names)
    assert local["SESSION_COOKIE_SECURE"] is False
    assert not local["SESSION_COOKIE_NAME"].startswith("__Host-")


@pytest.mark.parametrize("role", ROLES[:2])
def test_a_worker_has_the_same_rows_and_none_of_the_web(tmp_path: Path, role: str) -> None:
    names = ("INSTALLED_APPS", "ROOT_URLCONF", "TEMPLATES")
    web = settings_of(environment(tmp_path, role), *names)
    worker = settings_of(environment(tmp_path, role, STRONGROOM_PROCESS="worker"), *names)
    assert worker["ROOT_URLCONF"] == "config.urls.none"
    assert worker["TEMPLATES"] == []
    left_out = set(web["INSTALLED_APPS"]) - set(worker["INSTALLED_APPS"])
    assert "rest_framework" in left_out
    env = environment(tmp_path, role)
    tables = "from django.apps import apps; print(sorted(m._meta.db_table for m in apps.get_models()))"
    seen = [
        manage({**env, "STRONGROOM_PROCESS": process}, "shell", "--verbosity", "0", "-c", tables).stdout
        for process in ("web", "worker")
    ]
    assert seen[0] == seen[1]
    assert "jobs_job" in seen[0]


def test_a_worker_opens_no_cookie_secret(tmp_path: Path) -> None:
    settings_of(environment(tmp_path, "appliance", STRONGROOM_PROCESS="worker"), "DEBUG")
    assert list((tmp_path / "secrets").iterdir()) == []


@pytest.mark.parametrize("url", ["mysql://u@h/d", "sqlite:///x.db", "file:///x"])
def test_a_database_that_is_not_known_is_refused(tmp_path: Path, url: str) -> None:
    done = manage(environment(tmp_path, "appliance", DATABASE_URL=url), "check")
    assert done.returncode != 0
    assert "only postgresql://" in done.stderr


def test_messages_carry_json_only_and_are_acknowledged_early(tmp_path: Path) -> None:
    script = (
        "import json; from config.celery import app\n"
        "names = ('accept_content', 'task_serializer', 'task_acks_late', 'result_backend', 'broker_url',\n"
        "         'broker_transport_options', 'worker_pool')\n"
        "print(json.dumps({name: app.conf[name] for name in names}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment(tmp_path, "appliance", STRONGROOM_SITE_NAME="unit-a"),
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["accept_content"] == ["json"]
    assert found["task_serializer"] == "json"
    assert found["task_acks_late"] is False
    assert found["result_backend"] is None
    assert found["broker_url"] == f"redis+socket://{tmp_path}/run/broker.sock"
    assert found["broker_transport_options"]["global_keyprefix"] == "strongroom-unit-a:"
    # Far beyond any job: Celery never starts work a second time by itself.
    assert found["broker_transport_options"]["visibility_timeout"] >= 7 * 24 * 3600
