"""What sealing refuses, and in which layer.

Two roots that never mix. `SealingError` is about the material: a document, a key, a stream that somebody
handed in, and it may be hostile. `Misuse` is about the caller: a programmer's error, never to be caught and
shown as a refusal.

Every refusal of material is a `Refused` with a `layer` (where the reader stopped) and a permanent `code`
(`layer.reason`). The layers stand in the order in which a reader works (docs/formats/README.md §4), so the
layer also tells how far the material got. No exception of a library leaves `sealing`: it is chained as the
cause of one of these.
"""

from __future__ import annotations

from typing import ClassVar, Final


class SealingError(Exception):
    """Root of everything that can be wrong with material handed in."""


class Misuse(Exception):
    """Root of programmers' errors: wrong type, a secret printed, a nonce of the wrong length."""


class SuiteUnavailable(SealingError):
    """This machine's cryptographic library lacks the required suite.

    Nothing may start; there is no fallback.
    """


class Refused(SealingError):
    """The material is refused. `code` is permanent; `facts` are safe to show to whoever handed it in."""

    layer: ClassVar[str] = "material"

    def __init__(self, reason: str, message: str = "", **facts: str | int | None) -> None:
        self.reason: Final = reason
        self.code: Final = f"{self.layer}.{reason}"
        self.message: Final = message or reason.replace("-", " ")
        self.facts: Final = facts
        super().__init__(f"{self.code}: {self.message}")


class EncodingRefused(Refused):
    """Not the one text this document has: base64url, JSON, members, trailing bytes, size."""

    layer = "encoding"


class HeaderRefused(Refused):
    """Another type, version, algorithm or suite than the reader asked for."""

    layer = "header"


class ChainRefused(Refused):
    """The signer or the key is not vouched for: certificates, device record, authority list, roster."""

    layer = "chain"


class SignatureRefused(Refused):
    """The signature does not fit the text and the key."""

    layer = "signature"


class BindingRefused(Refused):
    """Genuine, but not for here and now: serial, customer, nonce, expiry, ticket, version."""

    layer = "binding"


class SealRefused(Refused):
    """The seal does not open.

    One code for every reason, so that it is no oracle (docs/formats/README.md §4).
    """

    layer = "seal"


class CommitmentRefused(Refused):
    """The seal opened, but to another key than the one committed to."""

    layer = "commitment"


# In the order in which a reader works.
LAYERS: Final = (
    EncodingRefused.layer,
    HeaderRefused.layer,
    ChainRefused.layer,
    SignatureRefused.layer,
    BindingRefused.layer,
    SealRefused.layer,
    CommitmentRefused.layer,
)
