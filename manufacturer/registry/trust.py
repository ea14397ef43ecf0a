"""What this desk believes and signs with: the ceremony's public bundle, and the front-desk key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from config.site import site
from manufacturer.registry.errors import CeremonyMissing, DocumentRefused
from manufacturer.registry.models import TrustBundle
from sealing.encoding import from_b64u
from sealing.errors import Refused
from sealing.jose import KeySigner, Signer
from sealing.passphrase import Passphrase, open_signing_key
from sealing.trust import Trust


def trust_bundle() -> TrustBundle | None:
    """What the ceremony made public, newest import."""
    return TrustBundle.objects.order_by("-number").first()


def bundle() -> TrustBundle:
    """The newest imported bundle. Raises `CeremonyMissing`."""
    found = trust_bundle()
    if found is None:
        raise CeremonyMissing()
    return found


def current_trust() -> Trust:
    """Root, authority list and rosters of the newest bundle."""
    found = bundle()
    return _trust(found.root, found.authority_list, tuple(found.rosters))


@lru_cache(maxsize=2)
def _trust(root: str, authority_list: str, rosters: tuple[str, ...]) -> Trust:
    # Keyed by the texts themselves, so a new import is a new trust. Nothing here calls `take_…` on it.
    return Trust(from_b64u(root), authority_list, rosters)


@dataclass(frozen=True)
class AuthorityKey:
    """One entry of the signed authority list, for people to read."""

    key_id: str
    use: str
    suite: str
    state: str
    list_version: int


def authority_keys() -> list[AuthorityKey]:
    listed = current_trust().authorities
    return [AuthorityKey(e.kid, e.use, e.suite, e.state, listed.version) for e in listed.entries]


@contextmanager
def reading() -> Iterator[None]:
    """Turns what `sealing` refuses in a document's own text into a refusal with that precise fault."""
    try:
        yield
    except Refused as refused:
        raise DocumentRefused(fault=refused.code, detail=refused.message) from refused


def front_desk() -> Signer:
    """The front-desk key: signs receipts, enrolments, ticket documents, void notices and countersignatures.

    Read once for each process and file. Raises `CeremonyMissing`.
    """
    place = site()
    try:
        return _front_desk(
            (place.keys / "front-desk.key").read_text(), (place.secrets / "front-desk.pass").read_bytes()
        )
    except (OSError, Refused) as error:
        raise CeremonyMissing(reason=type(error).__name__) from error


@lru_cache(maxsize=1)
def _front_desk(key_file: str, passphrase: bytes) -> Signer:
    return KeySigner(open_signing_key(key_file, Passphrase.of(passphrase.decode()), use="front-desk"))
