"""What all documents share: the read dataclass and the numbered steps (docs/formats/README.md §4)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar, Self

from sealing.claims import Claims
from sealing.encoding import Digest
from sealing.errors import BindingRefused, ChainRefused, Misuse
from sealing.identity import UnitCertificate
from sealing.jose import Form, Parsed, Signer, digest, parse, write

if TYPE_CHECKING:
    from sealing.trust import Trust

__all__ = ["AuthorityDocument", "Document", "UnitDocument", "digest"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Document(Claims):
    """Claims of a document; `parsed` is there once a `read` has verified them, and only then."""

    FORM: ClassVar[Form]
    parsed: Parsed | None = dataclasses.field(default=None, repr=False, compare=False)

    def issue(self, signer: Signer) -> str:
        """The signed text of these claims (documents without a seal)."""
        return write(self.FORM, self.to_json(), signer)

    @classmethod
    def taken(cls, parsed: Parsed) -> Self:
        """Step 4, second half: the claims, checked member by member."""
        return dataclasses.replace(cls.from_json(parsed.claims), parsed=parsed)

    @property
    def read_from(self) -> Parsed:
        """The verified text that this was read from."""
        if self.parsed is None:
            raise Misuse("these claims were made here, not read")
        return self.parsed

    @property
    def digest(self) -> Digest:
        """Digest of the text this was read from."""
        return digest(self.text)

    @property
    def text(self) -> str:
        """The text this was read from."""
        parsed = self.read_from
        return f"{parsed.signing_input.decode('ascii')}.{parsed.signature_text}"

    @property
    def kid(self) -> str:
        """Who signed."""
        return self.read_from.kid


@dataclasses.dataclass(frozen=True, kw_only=True)
class UnitDocument(Document):
    """A document signed by a unit's identity, carrying its chain."""

    certificate: UnitCertificate | None = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def unit(self) -> UnitCertificate:
        """The identity that signed; its serial is the one claimed."""
        if self.certificate is None:
            raise Misuse("these claims were made here, not read")
        return self.certificate

    @classmethod
    def read_by(cls, text: str, trust: Trust) -> Self:
        """Steps 1 to 7 for a document that a unit signs."""
        # 1–4. Text, encoding, type, members.
        parsed = parse(cls.FORM, text)
        document = cls.taken(parsed)
        # 5. The chain ends at the pinned root through a device authority of the list; the name is the leaf's.
        certificate = trust.unit(parsed.chain)
        if parsed.kid != certificate.thumbprint:
            raise ChainRefused("kid", "named for another certificate than it carries")
        # 6. The signature.
        parsed.verify(certificate.key)
        # 7. The unit speaks for itself only.
        claimed = getattr(document, "serial", None)
        if claimed != certificate.serial:
            raise BindingRefused(
                "serial", "signed by another unit than it names", signed_by=certificate.serial
            )
        return dataclasses.replace(document, certificate=certificate)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuthorityDocument(Document):
    """A document signed by a key of the authority list. Every one of them has a claim `iat`."""

    USE: ClassVar[str]

    @classmethod
    def read_by(cls, text: str, trust: Trust) -> Self:
        """Steps 1 to 6 for a document that the front desk or custody signs."""
        # 1–4. Text, encoding, type, members.
        parsed = parse(cls.FORM, text)
        document = cls.taken(parsed)
        # 5. The key stands in the authority list, for this use, not revoked, not younger than the document.
        key = trust.signing_key(parsed.kid, cls.USE, at=parsed.claims["iat"])
        # 6. The signature.
        parsed.verify(key)
        return document
