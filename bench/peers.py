"""The peers: restic (package of a newer Debian suite, unpacked) and borg (from the package index, in a venv).

Both are brought once, into the bench's own folder, through the machine's ordinary package tools and as these
are configured there. Each runs as it is meant to: own repository, encryption on, fast compression, default
durability, caches and state in a folder of its own.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from config.bootstrap import MissingError, install_debian

SUITE: Final = "forky"
RESTIC_LEAST: Final = (0, 19)
BORG: Final = "borgbackup>=1.4,<1.5"
BORG_BUILDS_WITH: Final = (
    "pkg-config", "libacl1-dev", "liblz4-dev", "libssl-dev", "libxxhash-dev", "libzstd-dev",
)  # fmt: skip
APT_SOURCES: Final = Path("/etc/apt")


class PeerMissing(Exception):
    """A peer cannot be had here; the text says why. Its columns are left out and named."""


@dataclass(frozen=True, slots=True)
class Used:
    """Wall seconds, CPU seconds of the processes and their peak memory."""

    seconds: float
    cpu: float
    peak_mib: int


class Peer(Protocol):
    """One contestant outside the project."""

    name: str
    version: str

    def init(self) -> None: ...
    def backup(self) -> Used: ...
    def restore(self, target: Path) -> Used: ...
    def stored(self) -> int: ...
    def clear(self) -> None: ...


class Restic:
    name = "restic"

    def __init__(self, tools: Path, work: Path, source: Path) -> None:
        self._program: Final = _restic(tools)
        self.version = _version(self._program, "version")
        self._work, self._source = work / "restic", source

    def init(self) -> None:
        self._work.mkdir(parents=True)
        self._run("init")

    def backup(self) -> Used:
        """From within the set, so that the paths are the files' names."""
        return self._run("backup", ".")

    def restore(self, target: Path) -> Used:
        return self._run("restore", "latest", "--target", str(target))

    def stored(self) -> int:
        return tree_bytes(self._work / "repository")

    def clear(self) -> None:
        shutil.rmtree(self._work, ignore_errors=True)

    def _run(self, *arguments: str) -> Used:
        options = ["--repo", str(self._work / "repository"), "--cache-dir", str(self._work / "cache")]
        return timed(
            [str(self._program), "--quiet", *options, *arguments],
            {"RESTIC_PASSWORD": "bench", "HOME": str(self._work)},
            self._source,
        )


class Borg:
    name = "borg"

    def __init__(self, tools: Path, work: Path, source: Path) -> None:
        self._program: Final = _borg(tools)
        self.version = _version(self._program, "--version")
        self._work, self._source = work / "borg", source
        self._archives = 0

    def init(self) -> None:
        self._work.mkdir(parents=True)
        self._archives = 0
        self._run("init", "--encryption=repokey-blake2", str(self._work / "repository"))

    def backup(self) -> Used:
        self._archives += 1
        return self._run("create", "--compression=zstd,1", f"{self._work}/repository::{self._archives}", ".")

    def restore(self, target: Path) -> Used:
        target.mkdir(parents=True)
        return self._run("extract", "--sparse", f"{self._work}/repository::{self._archives}", place=target)

    def stored(self) -> int:
        return tree_bytes(self._work / "repository")

    def clear(self) -> None:
        shutil.rmtree(self._work, ignore_errors=True)

    def _run(self, *arguments: str, place: Path | None = None) -> Used:
        settings = {
            "BORG_PASSPHRASE": "bench",
            "BORG_BASE_DIR": str(self._work),
            "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
            "HOME": str(self._work),
        }
        return timed([str(self._program), *arguments], settings, place or self._source)


def peers(tools: Path, work: Path, source: Path) -> tuple[list[Peer], list[str]]:
    """Those that can be had, and why the others cannot."""
    found: list[Peer] = []
    missing: list[str] = []
    kinds: tuple[Callable[[Path, Path, Path], Peer], ...] = (Restic, Borg)
    for kind in kinds:
        try:
            found.append(kind(tools, work, source))
        except (PeerMissing, subprocess.CalledProcessError) as error:
            missing.append(f"{kind.__name__}: {error}")
    return found, missing


def timed(command: list[str], settings: Mapping[str, str], place: Path) -> Used:
    """Run to its end, which must be good."""
    before = time.perf_counter()
    child = subprocess.Popen(  # noqa: S603  # a peer that this bench brought
        command, cwd=place, env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert child.stderr is not None
    with child.stderr as stream:
        said = stream.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - before
    if child.returncode:
        raise PeerMissing(f"{' '.join(command[:1])} ended with {child.returncode}: {said[-500:].decode()}")
    return Used(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024)


def own_cpu() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def tree_bytes(folder: Path) -> int:
    """Bytes of all files below."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _version(program: Path, argument: str) -> str:
    said = subprocess.run([program, argument], check=True, capture_output=True, text=True).stdout  # noqa: S603
    found = re.search(r"\d+(\.\d+)+", said)
    if found is None:
        raise PeerMissing(f"{program.name} names no version")
    return found.group()


def _restic(tools: Path) -> Path:
    for name in (tools / "restic" / "usr" / "bin" / "restic", shutil.which("restic")):
        if name and Path(name).exists() and _new_enough(Path(name)):
            return Path(name)
    apt = tools / "apt"
    for part in ("lists/partial", "cache/archives/partial", "sources"):
        (apt / part).mkdir(parents=True, exist_ok=True)
    (apt / "sources" / "newer.sources").write_text(
        f"Types: deb\nURIs: {_mirror()}\nSuites: {SUITE}\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
    options = [
        "-q", "-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::Etc::sourceparts={apt}/sources",
        "-o", f"Dir::State::lists={apt}/lists", "-o", f"Dir::Cache={apt}/cache",
    ]  # fmt: skip
    _quiet(["apt-get", *options, "update"], apt)
    _quiet(["apt-get", *options, "download", "restic"], apt)
    (package,) = apt.glob("restic_*.deb")
    _quiet(["dpkg-deb", "-x", str(package), str(tools / "restic")], apt)
    found = tools / "restic" / "usr" / "bin" / "restic"
    if not _new_enough(found):
        raise PeerMissing(f"restic {_version(found, 'version')} is older than {RESTIC_LEAST}")
    return found


def _new_enough(program: Path) -> bool:
    return tuple(int(part) for part in _version(program, "version").split(".")[:2]) >= RESTIC_LEAST


def _mirror() -> str:
    """The mirror that this machine's own configuration names first."""
    for path in sorted([*APT_SOURCES.glob("sources.list.d/*.sources"), *APT_SOURCES.glob("*.list")]):
        found = re.search(r"^(?:URIs:|deb)\s+(?:\[[^\]]*\]\s+)?(\S+://\S+)", path.read_text(), re.MULTILINE)
        if found:
            return found.group(1)
    raise PeerMissing("this machine's package tool names no mirror")


def _borg(tools: Path) -> Path:
    place = tools / "borg"
    program = place / "bin" / "borg"
    if not program.exists():
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        try:
            install_debian(BORG_BUILDS_WITH)
        except MissingError as missing:
            print(missing, file=sys.stderr)  # the headers may be there all the same
        _quiet([str(place / "bin" / "pip"), "install", "--quiet", BORG], tools)
    return program


def _quiet(command: list[str], place: Path) -> None:
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError as error:
        raise PeerMissing(f"{command[0]} is not on this machine") from error
    if done.returncode:
        print(done.stderr[-1000:], file=sys.stderr)
        raise PeerMissing(f"`{command[0]} … {command[-1]}` ended with {done.returncode}")
