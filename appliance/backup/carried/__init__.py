"""Backup images as single files for a carried disk (docs/formats/carried-image.md), as the web side sees
them: which lie in the directory meant for them, and what their headers say."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.backup.carried import layout
from appliance.backup.carried.errors import CarriedName, CarriedRefusal, NoSuchCarriedFile
from config.site import site
from sealing.errors import Refused
from sealing.jose import peek

DIRECTORY_SETTING = "STRONGROOM_CARRIED_DIR"  # default: carried/ in the site
SUFFIX = ".strongroom-image"
PART = ".part"  # of a file that is not whole yet
LISTED = 500
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}\Z")


@dataclass(frozen=True, slots=True)
class CarriedFile:
    """One file. What its header says of itself is not verified here; taking it in does that."""

    name: str
    size: int
    modified: datetime
    image: str
    serial: str
    sequence: int
    epoch: int
    key_id: str
    made_at: datetime | None
    problem: dict[str, Any] | None


def directory() -> Path:
    """Where carried images are written to and taken from."""
    return Path(os.environ.get(DIRECTORY_SETTING) or site().root / "carried")


def check_file_name(name: str) -> str:
    """A plain name of a carried image; no path, nothing hidden."""
    if not _NAME.match(name) or not name.endswith(SUFFIX):
        raise CarriedName(name=name[:120], suffix=SUFFIX)
    return name


def open_carried(path: Path) -> int:
    """A descriptor of a regular file; no link is followed, no device or pipe is opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NoSuchCarriedFile(name=path.name, why=error.strerror or "") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NoSuchCarriedFile(name=path.name, why="not a regular file")
    return descriptor


def carried_files() -> list[CarriedFile]:
    """What lies in the directory, newest first."""
    try:
        names = sorted(item.name for item in os.scandir(directory()) if item.name.endswith(SUFFIX))
    except OSError:
        return []
    found = []
    for name in names[:LISTED]:
        try:
            descriptor = open_carried(directory() / name)
        except CarriedRefusal:
            continue
        try:
            found.append(_describe(name, descriptor))
        finally:
            os.close(descriptor)
    return sorted(found, key=lambda file: file.modified, reverse=True)


def _describe(name: str, descriptor: int) -> CarriedFile:
    about = os.fstat(descriptor)
    claims: dict[str, Any] = {}
    problem = None
    try:
        text = layout.header_text(descriptor)
        claims = peek(text).claims
        layout.check_end(descriptor)
    except CarriedRefusal as refusal:
        problem = refusal.as_dict()
    except Refused as error:
        problem = NoSuchCarriedFile(name=name, why=error.message).as_dict()
    made_at = claims.get("made_at")
    chain = claims.get("chain")
    return CarriedFile(
        name=name,
        size=about.st_size,
        modified=datetime.fromtimestamp(about.st_mtime, UTC),
        image=str(claims.get("image", "")),
        serial=str(claims.get("serial", "")),
        sequence=int(chain.get("sequence", 0)) if isinstance(chain, dict) else 0,
        epoch=int(claims.get("epoch", 0)),
        key_id=str(claims.get("key_id", "")),
        made_at=datetime.fromtimestamp(made_at, UTC) if isinstance(made_at, int) else None,
        problem=problem,
    )
