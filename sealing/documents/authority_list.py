"""Authority list: which keys speak and open for the manufacturer, signed by the root
(docs/formats/authority-list.md).

The suite of a key follows from its entry here, never from what a document says of itself.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final

from sealing.claims import Claims, KeyThumbprint, Suite, Time, Version, listed, nested, octets, one_of
from sealing.ecdsa import SUITE_ES384, VerifyKey
from sealing.encoding import B64u, b64u, from_b64u, thumbprint_of
from sealing.errors import ChainRefused
from sealing.hpke import SUITE_HYBRID, KemPublicKey
from sealing.identity import Certificate
from sealing.jose import KIB, Form, Signer, digest, parse
from sealing.labels import TYP_AUTHORITY_LIST
from sealing.oaep import SUITE_OAEP, OaepPublicKey

from .base import Document

__all__ = ["FORM", "AuthorityEntry", "AuthorityList", "digest", "issue", "read"]

FORM: Final = Form(TYP_AUTHORITY_LIST, 128 * KIB)
USES: Final = ("escrow", "front-desk", "custody", "device-authority")
STATES: Final = ("active", "retired", "revoked")
_SUITES_OF: Final = {
    "escrow": (SUITE_HYBRID, SUITE_OAEP),
    "front-desk": (SUITE_ES384,),
    "custody": (SUITE_ES384,),
    "device-authority": (SUITE_ES384,),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuthorityEntry(Claims):
    """One key. `active` makes new things, `retired` keeps what it made, `revoked` is believed in nothing."""

    kid: KeyThumbprint
    use: Annotated[str, one_of(*USES)]
    suite: Suite
    key: Annotated[B64u, octets(97, 2048)]
    state: Annotated[str, one_of(*STATES)]
    not_before: Time

    def public(self) -> VerifyKey | KemPublicKey | OaepPublicKey:
        """The key, checked, of the suite that this entry names."""
        raw = from_b64u(self.key)
        if self.suite == SUITE_HYBRID:
            return KemPublicKey.from_bytes(raw)
        if self.suite == SUITE_OAEP:
            return OaepPublicKey.from_bytes(raw)
        return VerifyKey.from_bytes(raw)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuthorityList(Document):
    """The list as of a version. Versions only grow."""

    FORM = FORM
    version: Version
    iat: Time
    entries: Annotated[tuple[AuthorityEntry, ...], listed(nested(AuthorityEntry), 1, 64)]

    def find(self, kid: str) -> AuthorityEntry | None:
        """The entry of that key, whatever its use and state."""
        return next((entry for entry in self.entries if entry.kid == kid), None)


def entry_for(
    public: VerifyKey | KemPublicKey | OaepPublicKey, use: str, *, not_before: int, state: str = "active"
) -> AuthorityEntry:
    """An entry for a key."""
    suites = {VerifyKey: SUITE_ES384, KemPublicKey: SUITE_HYBRID, OaepPublicKey: SUITE_OAEP}
    return AuthorityEntry(
        kid=public.thumbprint,
        use=use,
        suite=suites[type(public)],
        key=b64u(public.raw),
        state=state,
        not_before=not_before,
    )


def issue(claims: AuthorityList, signer: Signer) -> str:
    """Sign a list with the root's key; the signer is named by the root certificate's thumbprint."""
    _check_entries(claims)
    return claims.issue(signer)


def read(text: str, root: Certificate) -> AuthorityList:
    """A list under the pinned root. Whether its version may follow the one known is `Trust`'s to decide."""
    # 1–4. Text, encoding, type, members.
    parsed = parse(FORM, text)
    claims = AuthorityList.taken(parsed)
    # 5. Named for the pinned root.
    if parsed.kid != root.thumbprint:
        raise ChainRefused("kid", "signed under another root than the pinned one")
    # 6. The signature.
    parsed.verify(root.key)
    # 7. Every entry is what it says: name, suite for its use, a sound key (authority-list.md §3).
    _check_entries(claims)
    return claims


def _check_entries(claims: AuthorityList) -> None:
    if len({entry.kid for entry in claims.entries}) != len(claims.entries):
        raise ChainRefused("authority-key", "a key stands twice in the list")
    for entry in claims.entries:
        if entry.suite not in _SUITES_OF[entry.use]:
            raise ChainRefused("authority-key", "a suite that this use does not have", kid=entry.kid)
        if entry.kid != thumbprint_of(from_b64u(entry.key)):
            raise ChainRefused("authority-key", "a key under another key's name", kid=entry.kid)
        entry.public()
