#!/usr/bin/env python3
"""Make a fresh clone ready to run: virtual environment, locked packages, front-end assets.

Runs with the system's Python and nothing but its standard library, and must never import the project.
Each step has a stamp under ``.venv/.stamps``, a digest of what the step depends on; a fresh stamp costs
one hash. ``--tests`` also brings what only the tests need; ``make run`` asks for no system package.

Exit codes: 0 ready, 2 something is missing that this script may not or cannot install.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMPS = VENV / ".stamps"
PYTHON = VENV / "bin" / "python"

# Command looked for → Debian package that brings it. Only what the tests need.
DEBIAN_FOR_TESTS = {"chromium": "chromium", "mke2fs": "e2fsprogs"}
SYSTEM_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class MissingError(Exception):
    """Something this script cannot bring by itself; the text says what and how."""


def say(text: str) -> None:
    print(f"bootstrap: {text}", flush=True)


def run(
    *command: str | Path, cwd: Path = ROOT, quiet: bool = True, env: dict[str, str] | None = None
) -> None:
    """Run a command; its output is shown only if it fails."""
    done = subprocess.run(  # noqa: S603  (fixed commands)
        [str(part) for part in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
    )
    if done.returncode:
        sys.stdout.write((done.stdout or "")[-8000:])
        raise MissingError(f"`{' '.join(str(part) for part in command)}` ended with {done.returncode}")


def find(command: str) -> str | None:
    return shutil.which(command, path=SYSTEM_PATH)


def digest(*parts: str | Path) -> str:
    """One digest over texts and the contents of files."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part.read_bytes() if isinstance(part, Path) else part.encode())
        state.update(b"\0")
    return state.hexdigest()


def step(name: str, fresh: str, work: Callable[[], None], *, present: Sequence[Path] = ()) -> None:
    """Do ``work`` unless its stamp holds ``fresh`` and what it made is still there."""
    stamp = STAMPS / name
    if stamp.is_file() and stamp.read_text() == fresh and all(path.exists() for path in present):
        return
    say(f"{name} …")
    work()
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamp.write_text(fresh)


def make_venv() -> None:
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        raise MissingError(
            f"Python 3.11 to 3.13 is needed, this is {sys.version.split()[0]}: make PYTHON=python3.12 …"
        )
    try:
        run(sys.executable, "-m", "venv", VENV)
    except MissingError:
        # Debian ships venv apart from its Python.
        install_debian([f"python{sys.version_info.major}.{sys.version_info.minor}-venv"])
        run(sys.executable, "-m", "venv", "--clear", VENV)


def install_packages() -> None:
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--require-hashes", "-r", ROOT / "requirements.lock")  # fmt: skip


def install_project() -> None:
    # An editable path has no hash, so it cannot be in the locked run; its build tools are locked there.
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--no-build-isolation", "-e", ROOT)  # fmt: skip


def install_front_end() -> None:
    if find("npm") is None:
        raise MissingError(
            "npm is needed for the front-end assets: install Node.js with npm (Debian: nodejs, npm)"
        )
    run("npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel=error")


def copy_assets() -> None:
    run(PYTHON, "-m", "config.assets")


def install_debian(packages: Sequence[str]) -> None:
    """Install Debian packages where that is possible; else name them."""
    text = " ".join(packages)
    if find("apt-get") is None or os.geteuid() != 0:
        raise MissingError(f"missing, and only root may install them: {text}")
    say(f"installing {text} …")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-qq", env=quiet)
    run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages, env=quiet)


def bring_what_tests_need() -> None:
    """System packages for the tests. What cannot be brought is only said: the tests leave it out aloud."""
    wanted = [package for command, package in DEBIAN_FOR_TESTS.items() if find(command) is None]
    if not wanted:
        return
    try:
        install_debian(wanted)
    except MissingError as missing:
        say(str(missing))


def bootstrap(*, tests: bool) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    here = str(ROOT)
    lock, project = ROOT / "requirements.lock", ROOT / "pyproject.toml"
    npm_lock, assets = ROOT / "package-lock.json", ROOT / "config" / "assets.py"
    # An editable install maps the packages that are there when it is made.
    packages = " ".join(sorted(path.parent.name for path in ROOT.glob("*/__init__.py")))
    modules, vendor = ROOT / "node_modules", ROOT / "static" / "vendor"

    step("venv", digest(version, here), make_venv, present=[PYTHON])
    step("packages", digest(version, here, lock), install_packages)
    step("project", digest(version, here, project, packages), install_project)
    step("front-end", digest(here, npm_lock), install_front_end, present=[modules])
    if assets.is_file():
        step("assets", digest(here, npm_lock, assets), copy_assets, present=[vendor])
    if tests:
        bring_what_tests_need()


def main() -> int:
    parser = argparse.ArgumentParser(description="Make a fresh clone ready to run.")
    parser.add_argument("--tests", action="store_true", help="also bring what only the tests need")
    options = parser.parse_args()
    (ROOT / "var").mkdir(exist_ok=True)
    # Two `make` at once must not install into one environment.
    with (ROOT / "var" / ".bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            bootstrap(tests=options.tests)
        except MissingError as missing:
            say(str(missing))
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
