"""Custody's private keys, in this process's memory and nowhere else; verbs, no getters.

The custody key signs transfers, proofs and the ledger; the escrow authority keys open values. Unlocked by a
passphrase from a 0600 file, a systemd credential, or a person (`unlock.py`).
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from config.site import site
from manufacturer.custody.errors import CustodyLocked, NotBelieved, PassphraseUnsafe
from sealing.backupkey import BackupKey
from sealing.documents.value import Value, open_value
from sealing.ecdsa import SigningKey
from sealing.errors import Refused
from sealing.hpke import KemPrivateKey
from sealing.jose import KeySigner, Signer
from sealing.passphrase import Passphrase, open_key, open_signing_key
from sealing.scan import Needles
from sealing.secret import Unprintable
from sealing.trust import Trust

CUSTODY_KEY: Final = "custody.key"
ESCROW_KEYS: Final = "escrow-authority*.key"
PASSPHRASE: Final = "custody.pass"  # noqa: S105  # a file's name


class KeyHolder(Unprintable):
    """The unlocked keys. Unprintable; `signer` signs, `open` opens, `needles` looks for itself."""

    def __init__(self, custody: SigningKey, authorities: Iterable[KemPrivateKey]) -> None:
        self.__custody = custody
        self.__authorities = {key.public.thumbprint: key for key in authorities}
        self.signer: Final[Signer] = KeySigner(custody)

    def holds(self, authority: str) -> bool:
        return authority in self.__authorities

    def open(self, value: Value, trust: Trust) -> BackupKey:
        """The key in a value that was read, its commitment checked. `NotBelieved` if it does not open."""
        private = self.__authorities.get(value.authority)
        if private is None:
            raise NotBelieved("authority.not-held")
        try:
            return open_value(value, private, trust)
        except Refused as refused:
            raise NotBelieved(f"opening.{refused.code}") from refused

    def needles(self, backup_keys: Iterable[BackupKey]) -> Needles:
        """What `custody_scan` looks for: these private keys, and every `K` that was opened for the scan."""
        return Needles(
            {
                "custody-key": [self.__custody.to_secret().reveal()],
                "authority-key": [key.seed().reveal() for key in self.__authorities.values()],
                "backup-key": [key.secret.reveal() for key in backup_keys],
            }
        )


_lock = threading.Lock()
_holder: KeyHolder | None = None


def holder() -> KeyHolder:
    """The unlocked keys of this process. Raises `CustodyLocked`."""
    if _holder is None:
        raise CustodyLocked()
    return _holder


def unlock(passphrase: Passphrase) -> KeyHolder:
    """Open the key files with `passphrase` and hold the keys. Raises `CustodyLocked` when it does not fit."""
    global _holder
    keys = site().keys
    with _lock:
        try:
            custody = open_signing_key((keys / CUSTODY_KEY).read_text(), passphrase, use="custody")
            opened = [
                open_key(p.read_text(), passphrase, use="escrow") for p in sorted(keys.glob(ESCROW_KEYS))
            ]
        except (Refused, OSError) as error:
            raise CustodyLocked(reason=type(error).__name__) from error
        # Keys of other suites live in hardware modules; a file of one opens nothing here.
        authorities = [key for key in opened if isinstance(key, KemPrivateKey)]
        if not authorities:
            raise CustodyLocked(reason="no authority key in keys/")
        _holder = KeyHolder(custody, authorities)
        return _holder


def passphrase_file() -> Path | None:
    """systemd's credential if there is one, else the site's file if there is one."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    candidates = [Path(credentials) / PASSPHRASE] if credentials else []
    candidates.append(site().secrets / PASSPHRASE)
    return next((path for path in candidates if path.exists()), None)


def try_passphrase_file() -> bool:
    """Unlock from a file when there is one; False when there is none."""
    path = passphrase_file()
    if path is None:
        return False
    unlock(read_passphrase(path))
    return True


def read_passphrase(path: Path) -> Passphrase:
    """From a file that nobody else can read. Raises `PassphraseUnsafe`."""
    with path.open("rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise PassphraseUnsafe(path=str(path))
        return Passphrase.of(file.read(4096).decode("utf-8", "replace"))
