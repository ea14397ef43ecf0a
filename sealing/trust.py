"""What this process believes, and the decisions that follow, without any I/O (docs/formats/README.md §4).

A `Trust` starts from the pinned root and a signed authority list and grows only by documents that verify
under what it already has; the order of steps is enforced here. Versions never decrease. It asks no clock and
keeps nothing: whoever holds it stores the texts and hands them in again.
"""

from __future__ import annotations

from collections.abc import Iterable

from .documents import authority_list, roster
from .documents.authority_list import AuthorityEntry, AuthorityList
from .documents.roster import Roster
from .ecdsa import VerifyKey
from .errors import BindingRefused, ChainRefused, Misuse
from .hpke import KemPublicKey
from .identity import Certificate, UnitCertificate, check_authority, check_root, check_unit_chain
from .oaep import OaepPublicKey

MAX_CHAINS = 32  # units whose chain is checked once: the same bytes lead to the same root


class Trust:
    """Root → authority list → everybody else; and, at custody, root → rosters → people."""

    def __init__(self, root: bytes, authorities: str, rosters: Iterable[str] = ()) -> None:
        """`root` in DER, pinned; the newest list's text; all rosters from the first."""
        self.root: Certificate = check_root(root)
        self._authorities = authority_list.read(authorities, self.root)
        self._roster: Roster | None = None
        self._chains: dict[tuple[bytes, ...], UnitCertificate] = {}
        for text in rosters:
            self.take_roster(text)

    # --- authority list --------------------------------------------------------------------------------

    @property
    def authorities(self) -> AuthorityList:
        """The list in force."""
        return self._authorities

    def take_authority_list(self, text: str) -> AuthorityList:
        """Put a list in force.

        The same again is harmless; an older or another of the same version is refused.
        """
        new = authority_list.read(text, self.root)
        known = self._authorities
        if new.version < known.version or (new.version == known.version and new.digest != known.digest):
            raise BindingRefused("version", "older than the list known here", known=known.version)
        self._authorities = new
        return new

    def signing_key(self, kid: str, use: str, *, at: int | None = None) -> VerifyKey:
        """The key that signs for `use`; `at` is the time a document says it was signed, where it says so.

        A retired key still verifies what it signed; a revoked one nothing; none what is older than itself.
        """
        entry = self._entry(kid, use)
        if entry.state == "revoked":
            raise ChainRefused("revoked", "the key was revoked", kid=kid)
        if at is not None and at < entry.not_before:
            raise ChainRefused("not-yet", "signed before the key was in use", kid=kid)
        key = entry.public()
        if not isinstance(key, VerifyKey):
            raise ChainRefused("authority-key", "not a signing key", kid=kid)
        return key

    def escrow_key(self, kid: str) -> AuthorityEntry:
        """The entry of an escrow authority's key that a value is sealed to, unless it was revoked."""
        entry = self._entry(kid, "escrow")
        if entry.state == "revoked":
            raise ChainRefused("revoked", "the key was revoked", kid=kid)
        return entry

    def escrow_keys_for_sealing(self) -> tuple[AuthorityEntry, ...]:
        """The keys that a new value is sealed to: every active escrow key, one value each."""
        keys = tuple(e for e in self._authorities.entries if e.use == "escrow" and e.state == "active")
        if not keys:
            raise ChainRefused("no-escrow-key", "the authority list has no active escrow key")
        return keys

    def sealing_key(self, kid: str) -> KemPublicKey | OaepPublicKey:
        """The public key to seal a new value to; only an active one."""
        entry = self._entry(kid, "escrow")
        if entry.state != "active":
            raise ChainRefused("not-active", "nothing new is sealed to this key", kid=kid)
        key = entry.public()
        if isinstance(key, VerifyKey):
            raise ChainRefused("authority-key", "not a sealing key", kid=kid)
        return key

    def _entry(self, kid: str, use: str) -> AuthorityEntry:
        entry = self._authorities.find(kid)
        if entry is None or entry.use != use:
            raise ChainRefused("unknown-key", f"no {use} key of this name in the authority list", kid=kid)
        return entry

    # --- units -----------------------------------------------------------------------------------------

    def unit(self, chain: tuple[bytes, ...]) -> UnitCertificate:
        """A unit's chain up to the pinned root, through a device authority that the list knows."""
        certificate = self._chains.get(chain)
        if certificate is None:
            certificate = check_unit_chain(chain, self.root)
            if len(self._chains) < MAX_CHAINS:
                self._chains[chain] = certificate
        # Asked each time: a newer list may have revoked the authority.
        self.signing_key(certificate.authority.key.thumbprint, "device-authority")
        return certificate

    def device_authority(self, chain: tuple[bytes, ...]) -> Certificate:
        """A device authority's own certificate, for the records that it signs."""
        if len(chain) != 1:
            raise ChainRefused("chain-length", "a device record carries the device authority's certificate")
        authority = check_authority(chain[0], self.root)
        self.signing_key(authority.key.thumbprint, "device-authority")
        return authority

    # --- people ----------------------------------------------------------------------------------------

    @property
    def roster(self) -> Roster:
        """The roster in force."""
        if self._roster is None:
            raise Misuse("no roster has been taken")
        return self._roster

    def take_roster(self, text: str) -> Roster:
        """Take the first roster, or the one that follows the one in force."""
        if self._roster is None:
            self._roster = roster.read_first(text, self.root)
        else:
            self._roster = roster.read_next(text, self._roster)
        return self._roster
