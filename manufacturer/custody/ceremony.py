"""The ceremony: every key the manufacturer's side begins with, and the documents that make them known.

Made once, in an offline folder. Private halves exist only under a passphrase; what the desk and the factory
need is public. Custody's two keys, its passphrase and its token, and the front desk's key go to their sites
by `install_custody` and `install_desk`; root and device authority stay in the folder.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ground.files import files
from manufacturer.custody.errors import CeremonyDone
from sealing.documents import authority_list, roster
from sealing.documents.roster import RosterPerson
from sealing.ecdsa import SigningKey
from sealing.encoding import b64u
from sealing.hpke import KemPrivateKey, require_suite
from sealing.identity import check_root, make_device_authority, make_root
from sealing.jose import KeySigner
from sealing.passphrase import Passphrase, seal_key

# Custody's two keys share a passphrase: they are unlocked together, in one process.
PASSPHRASES: Final = ("root", "device-authority", "front-desk", "custody")
_NAME: Final = "Strongroom"
CLOCKS_APART: Final = 3_600  # seconds by which a site's clock may be behind this one


@dataclass(frozen=True)
class Ceremony:
    """What became public."""

    folder: Path
    root: bytes
    authority_list: str
    roster: str


def hold_ceremony(
    folder: Path,
    people: Iterable[RosterPerson],
    passphrase_for: Callable[[str], Passphrase],
    *,
    name: str = _NAME,
) -> Ceremony:
    """Make and write everything.

    Raises `CeremonyDone` when the folder holds a ceremony; keys are never replaced.
    """
    require_suite()
    files().mkdir(folder)
    if (folder / "public.json").exists() or any(folder.glob("*.key")):
        raise CeremonyDone(folder=str(folder))
    phrases = {name: passphrase_for(name) for name in PASSPHRASES}
    now = int(time.time())
    root_key, device_key, desk_key, custody_key = (SigningKey.generate() for _ in range(4))
    escrow_key = KemPrivateKey.generate()
    root = make_root(root_key, f"{name} root")
    device = make_device_authority(root_key, root, device_key.public, f"{name} device authority")
    signer = KeySigner(root_key, kid=check_root(root).thumbprint)
    entries = tuple(
        authority_list.entry_for(key, use, not_before=now - CLOCKS_APART)
        for key, use in (
            (escrow_key.public, "escrow"),
            (desk_key.public, "front-desk"),
            (custody_key.public, "custody"),
            (device_key.public, "device-authority"),
        )
    )
    listed = authority_list.issue(authority_list.AuthorityList(version=1, iat=now, entries=entries), signer)
    first = roster.issue(roster.Roster(version=1, previous=None, iat=now, people=tuple(people)), signer)
    token = secrets.token_urlsafe(32)
    for file, key, use, phrase in (
        ("root", root_key, "root", "root"),
        ("device-authority", device_key, "device-authority", "device-authority"),
        ("front-desk", desk_key, "front-desk", "front-desk"),
        ("custody", custody_key, "custody", "custody"),
        ("escrow-authority", escrow_key, "escrow", "custody"),
    ):
        text = seal_key(key, phrases[phrase], use=use, name=f"{name} {file}")
        files().write(folder / f"{file}.key", text.encode(), mode=0o600)
    files().write(folder / "custody.token", token.encode(), mode=0o600)
    public = {
        "root": b64u(root),
        "device_authority": b64u(device),
        "authority_list": listed,
        "rosters": [first],
        "custody_token_digest": hashlib.sha256(token.encode()).hexdigest(),
    }
    # Last: a folder with this file is a whole ceremony.
    write_public(folder, public)
    return Ceremony(folder, root, listed, first)


def read_public(folder: Path) -> dict[str, Any]:
    """The public bundle of a ceremony's folder."""
    found = json.loads((folder / "public.json").read_text())
    assert isinstance(found, dict)
    return found


def write_public(folder: Path, public: dict[str, Any]) -> None:
    text = json.dumps(public, indent=2, sort_keys=True) + "\n"
    files().write(folder / "public.json", text.encode(), mode=0o644)


def install_custody(folder: Path, site: Path, passphrase: Path | None) -> None:
    """Copy what custody holds into its site.

    The passphrase only where a file of it is to unlock by itself.
    """
    for name in ("custody.key", "escrow-authority.key"):
        _copy(folder / name, site / "keys" / name)
    _copy(folder / "custody.token", site / "secrets" / "custody.token")
    if passphrase is not None:
        _copy(passphrase, site / "secrets" / "custody.pass")


def install_desk(folder: Path, site: Path, passphrase: Path) -> None:
    """Copy the front desk's key and its passphrase into the desk's site."""
    _copy(folder / "front-desk.key", site / "keys" / "front-desk.key")
    _copy(passphrase, site / "secrets" / "front-desk.pass")


def _copy(source: Path, target: Path) -> None:
    files().mkdir(target.parent)
    files().write(target, source.read_bytes(), mode=0o600)
