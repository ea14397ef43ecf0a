"""The signature around an image header (docs/formats/image-header.md); the claims: `sealing.content.header`.

The header lies in clear on storage that anyone may write to, and its reader may be a unit that has never met
the one that signed: so it carries the signer's certificate chain and is believed only under the pinned root.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealing.content.header import MAX_TEXT_BYTES, TYP, ImageHeader, header_digest, parse_claims
from sealing.encoding import Digest
from sealing.errors import BindingRefused, ChainRefused
from sealing.identity import UnitCertificate
from sealing.jose import Form, Parsed, Signer, digest, parse, write

if TYPE_CHECKING:
    from sealing.trust import Trust

FORM: Final = Form(typ=TYP, max_bytes=MAX_TEXT_BYTES, chained=True)
_MAX_GOOD: Final = 16_384
_good: dict[bytes, None] = {}  # SHA-256 of texts whose signature this process has verified


@dataclass(frozen=True)
class SignedHeader:
    """A header that was read and verified, with who signed it."""

    header: ImageHeader
    certificate: UnitCertificate
    text: str

    @property
    def link_digest(self) -> str:
        """What the next header of the chain names as `previous` (SHA-256 of the exact text, hex)."""
        return header_digest(self.text)

    @property
    def digest(self) -> Digest:
        """The document's digest, as heads and transfers name it."""
        return digest(self.text)


def issue(header: ImageHeader, signer: Signer) -> str:
    """The signed text of a header."""
    return write(FORM, header.claims(), signer)


def read(text: str, trust: Trust) -> SignedHeader:
    """The verified header; refuses by layer. Whether it lies where it belongs, the repository asks."""
    # 1-4. Text, encoding, type, members.
    parsed: Parsed = parse(FORM, text)
    header = parse_claims(parsed.claims)
    # 5. The chain ends at the pinned root; the name is the leaf's.
    certificate = trust.unit(parsed.chain)
    if parsed.kid != certificate.thumbprint:
        raise ChainRefused("kid", "named for another certificate than it carries")
    # 6. The signature, once in a process: the text holds the certificate, so the same text means the same
    # key, and whether that is still believed was asked just now. Every backup reads every header there is.
    mark = hashlib.sha256(text.encode()).digest()
    if mark not in _good:
        parsed.verify(certificate.key)
        if len(_good) >= _MAX_GOOD:
            _good.clear()
        _good[mark] = None
    # 7. The unit speaks for itself only.
    if header.serial != certificate.serial:
        raise BindingRefused("serial", "signed by another unit than it names", signed_by=certificate.serial)
    return SignedHeader(header, certificate, text)
