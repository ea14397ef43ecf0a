"""The layout of a site and the secrets in it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from config.site import Site, SiteError, ensure_secret, role, site

ROOT = Path(__file__).resolve().parents[2]


def test_an_unknown_role_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_ROLE", "emperor")
    with pytest.raises(SiteError, match="emperor"):
        role()


def test_a_damaged_secret_is_refused_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"short")
    with pytest.raises(SiteError, match="5 bytes"):
        ensure_secret(path)
    assert path.read_bytes() == b"short"


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "some.root"
    first = ensure_secret(path)
    assert len(first) == 32
    assert ensure_secret(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["some.root"]


def test_everyone_who_asks_at_once_gets_the_same_secret(tmp_path: Path) -> None:
    found: list[bytes] = []
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        found.append(ensure_secret(tmp_path / "secret"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_secrets_of_two_sites_differ(tmp_path: Path) -> None:
    assert Site(tmp_path / "a").secret("database.root") != Site(tmp_path / "b").secret("database.root")


def test_the_site_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STRONGROOM_SITE_DIR", str(tmp_path))
    assert site().root == tmp_path
    monkeypatch.delenv("STRONGROOM_SITE_DIR")
    monkeypatch.setenv("STRONGROOM_ROLE", "custody")
    assert site().root == ROOT / "var" / "custody"


def test_the_layout_is_known_without_django() -> None:
    script = "import sys, config.site; sys.exit('django' in sys.modules or 'celery' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=dict(os.environ), check=False)
    assert done.returncode == 0
