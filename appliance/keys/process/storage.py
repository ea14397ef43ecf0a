"""The key process's files: vault root, slots, keyring versions, tamper latch, instance lock.

    <site>/secrets/keys.root      the software vault's root
    <site>/keys/identity.slot     private key of the unit's certificate
    <site>/keys/kem.slot          seed of the key that transfers are sealed to
    <site>/keys/keyring.<n>       the keyring; the highest number counts, three are kept
    <site>/keys/tampered          the latch: while it is there nothing is opened
    <site>/keys/process.lock      held by the one key process of the site

Every change goes through `ground.files`, so that tests can fail or kill at each step.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from pathlib import Path
from typing import Final

from appliance.keys.errors import AlreadyRunning
from ground.files import files
from sealing.errors import EncodingRefused
from sealing.keyring import KEPT_VERSIONS
from sealing.vault import VaultGone, VaultRoot

ROOT_BYTES: Final = 32
_KEYRING: Final = re.compile(r"keyring\.([1-9][0-9]{0,15})\Z")


class FileRoot:
    """The root secret in a file of its own."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path

    def exists(self) -> bool:
        return self.path.exists()

    def create(self) -> None:
        """Make a fresh root, durable on return; FileExistsError if there is one."""
        if self.path.exists():
            raise FileExistsError(self.path)
        files().write(self.path, secrets.token_bytes(ROOT_BYTES))

    def read(self) -> VaultRoot:
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError as error:
            raise VaultGone("the vault has no root") from error
        if len(raw) != ROOT_BYTES:
            raise EncodingRefused("vault-root", "the vault's root is not 32 bytes")
        return VaultRoot(raw)

    def destroy(self) -> None:
        """Overwrite in place, then remove. Idempotent: a crash between leaves noise, which opens nothing."""
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            os.pwrite(fd, secrets.token_bytes(ROOT_BYTES), 0)
            os.fsync(fd)
        finally:
            os.close(fd)
        files().unlink(self.path, missing_ok=True)


class KeyFiles:
    """Names and durable changes; no meaning."""

    def __init__(self, site: Path) -> None:
        self.folder: Final = site / "keys"
        self.root: Final = FileRoot(site / "secrets" / "keys.root")
        self.latch: Final = self.folder / "tampered"
        self._lock_fd = -1

    def prepare(self) -> None:
        """Make the folders; remove what a crash left of unfinished writes."""
        files().mkdir(self.folder)
        files().mkdir(self.root.path.parent)
        for left in self.folder.glob(".tmp-*"):
            left.unlink(missing_ok=True)

    def lock(self) -> None:
        """Become the one key process of this site, until the process ends."""
        fd = os.open(self.folder / "process.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(fd)
            raise AlreadyRunning(site=str(self.folder.parent)) from error
        self._lock_fd = fd

    def read_slot(self, name: str) -> bytes | None:
        try:
            return (self.folder / f"{name}.slot").read_bytes()
        except FileNotFoundError:
            return None

    def write_slot(self, name: str, sealed: bytes) -> None:
        files().write(self.folder / f"{name}.slot", sealed)

    def keyring_versions(self) -> list[int]:
        """Versions that are there, highest first."""
        found = [_KEYRING.match(path.name) for path in self.folder.iterdir()]
        return sorted((int(match[1]) for match in found if match), reverse=True)

    def read_keyring(self, version: int) -> bytes:
        return (self.folder / f"keyring.{version}").read_bytes()

    def write_keyring(self, version: int, sealed: bytes) -> None:
        """The one atomic step: the file gets its name by one rename. Then older versions go."""
        files().write(self.folder / f"keyring.{version}", sealed)
        for old in self.keyring_versions()[KEPT_VERSIONS:]:
            files().unlink(self.folder / f"keyring.{old}", missing_ok=True)

    def drop_keyrings_before(self, version: int) -> None:
        """Remove every older version: it holds a key that was destroyed."""
        for old in self.keyring_versions():
            if old < version:
                files().unlink(self.folder / f"keyring.{old}", missing_ok=True)

    def is_latched(self) -> bool:
        return self.latch.exists()

    def set_latch(self, text: str) -> None:
        """Durable on return; only then may anything be destroyed."""
        files().write(self.latch, text.encode())
