"""The layout of a site's directory, and the secrets in it. The one place that knows; imports no Django.

``<site>`` is named by STRONGROOM_SITE_DIR (default ``var/<role>`` below the checkout)::

    run/        sockets, readiness marks, pid files
    secrets/    0700; one root secret for each slot group, 0600 each, made on first use
    db/         one directory for each database generation, `current` (symlink), `gate.lock`
    keys/       vault slots, keyring.<n>: the key process's only
    store/      packs and their index
    spool/      sealed upload segments
    log/        one file for each process
    mail/       outgoing mail as files when no mail server is set
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

BASE_DIR = Path(__file__).resolve().parent.parent

Role = Literal["appliance", "manufacturer", "custody"]
ROLES: tuple[Role, ...] = get_args(Role)
SECRET_BYTES = 32
DATABASE_KEY_FD = "STRONGROOM_DATABASE_KEY_FD"  # number of an inherited descriptor, never the key itself


class SiteError(Exception):
    """The environment names a role or a secret that cannot be used; the text says which and why."""


def role() -> Role:
    """The side this process belongs to, by STRONGROOM_ROLE (default: appliance)."""
    named = os.environ.get("STRONGROOM_ROLE", "appliance")
    for known in ROLES:
        if named == known:
            return known
    raise SiteError(f"STRONGROOM_ROLE is {named!r}; it must be one of {', '.join(ROLES)}")


@dataclass(frozen=True)
class Site:
    """Paths of one site; nothing is created by naming it."""

    root: Path

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def db(self) -> Path:
        return self.root / "db"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def mail(self) -> Path:
        return self.root / "mail"

    @property
    def broker_socket(self) -> Path:
        return self.run / "broker.sock"

    @property
    def keys_socket(self) -> Path:
        return self.run / "keys.sock"

    @property
    def gate_lock(self) -> Path:
        return self.db / "gate.lock"

    @property
    def current_database(self) -> Path:
        """The live database's file, through the symlink that a switch renames."""
        return self.db / "current" / DATABASE_FILE

    def secret(self, name: str) -> bytes:
        """The secret kept in ``secrets/<name>``, made (32 random bytes, 0600) if it is not there yet."""
        return ensure_secret(self.secrets / name)

    def database_key(self) -> bytes:
        """The root secret of the database slot: from the inherited descriptor, else from its file."""
        inherited = os.environ.get(DATABASE_KEY_FD)
        if inherited is None:
            return self.secret("database.root")
        try:
            key = os.pread(int(inherited), SECRET_BYTES + 1, 0)
        except (OSError, ValueError) as error:
            raise SiteError(f"{DATABASE_KEY_FD} names no readable descriptor") from error
        if len(key) != SECRET_BYTES:
            raise SiteError(f"the descriptor in {DATABASE_KEY_FD} holds {len(key)} bytes, not {SECRET_BYTES}")
        return key

    def make_directories(self) -> None:
        """Create what every process needs; each 0700 unless it exists with other rights."""
        for path in (self.root, self.run, self.secrets, self.db, self.log):
            make_private_directory(path)


DATABASE_FILE = "strongroom.sqlite3"


def site() -> Site:
    """The site of this process, by STRONGROOM_SITE_DIR."""
    named = os.environ.get("STRONGROOM_SITE_DIR")
    return Site(Path(named).absolute() if named else BASE_DIR / "var" / role())


def site_name() -> str:
    """A short name that is unique among sites sharing a host or broker: STRONGROOM_SITE_NAME."""
    return os.environ.get("STRONGROOM_SITE_NAME") or site().root.name


def make_private_directory(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def ensure_secret(path: Path) -> bytes:
    """Read a 32-byte secret, making it first if it is not there; two processes get the same one.

    The file appears under its name only when it is complete and flushed: it is linked there from a
    temporary name, which fails if another process was faster.
    """
    try:
        return _read_secret(path)
    except FileNotFoundError:
        pass
    make_private_directory(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(SECRET_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)
    _sync_directory(path.parent)
    return _read_secret(path)


def _read_secret(path: Path) -> bytes:
    content = path.read_bytes()
    if len(content) != SECRET_BYTES:
        # Never replaced by a fresh one: what it protects would be lost without a word.
        raise SiteError(f"{path} holds {len(content)} bytes, not {SECRET_BYTES}; restore it from its copy")
    return content


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
