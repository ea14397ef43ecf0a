"""Signing for the engine: a closed list of document types, and only claims this process agrees with.

The engine builds the document with `sealing` and asks for a signature over its exact text. Here the text is
parsed as its type demands, and what this process knows is compared: who the unit is, whose it is, what time
it is, which keys it has, which transfer it installed. Values, drill requests, transfer requests and
installation receipts are not on the list: their own verbs make them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from appliance.keys.errors import ClaimRefused
from sealing.documents import deletion_record, head, image_header, report
from sealing.encoding import JsonObject, b64u, from_b64u
from sealing.errors import Refused
from sealing.jose import Form, Parsed, parse
from sealing.keyring import Keyring, KeyState

from .epochs import owner_of
from .holder import Holder
from .verbs import Params, verb

EARLIEST: Final = 24 * 3600  # seconds before now: a long backup signs what it began yesterday
LATEST: Final = 300  # seconds after now
_BLANK_SIGNATURE: Final = b64u(bytes(96))


@verb("signer")
def signer(holder: Holder, params: Params) -> dict[str, Any]:
    """The public things a signer shows: name and chain."""
    params.end()
    return {"kid": holder.thumbprint, "chain": [b64u(der) for der in holder.chain]}


@verb("sign")
def sign(holder: Holder, params: Params) -> dict[str, Any]:
    """Sign a document's text if it is on the list and says nothing this process does not know to be so."""
    message = from_b64u(params.text("message", most=12 << 20))
    params.end()
    parsed, check = _parse(message)
    ring = holder.ring
    if parsed.kid != holder.thumbprint or parsed.chain != holder.chain:
        raise ClaimRefused(member="kid", reason="not this unit's certificate")
    owner = owner_of(ring)
    mine = {"serial": ring.serial, "customer": owner.customer_id, "appliance": owner.appliance_id}
    for member, known in mine.items():
        if parsed.claims.get(member) != known:
            raise ClaimRefused(member=member, reason="not what this unit is")
    check(ring, parsed.claims, holder.now())
    return {"signature": b64u(holder.identity.sign(message))}


Check = Callable[[Keyring, JsonObject, int], None]


def _check_time(claims: JsonObject, member: str, now: int) -> None:
    at = claims.get(member)
    if not isinstance(at, int) or not now - EARLIEST <= at <= now + LATEST:
        raise ClaimRefused(member=member, reason="not the time it is")


def _check_image_header(ring: Keyring, claims: JsonObject, now: int) -> None:
    """An image is headed only by a key of this unit that is proven, with that key's own values."""
    _check_time(claims, "made_at", now)
    key = next((item for item in ring.keys if item.key_id == claims.get("key_id")), None)
    # deactivated too: a backup that was running when the key was rotated ends under its own epoch
    if (
        key is None
        or key.origin != "generated"
        or key.state not in (KeyState.ACTIVE, KeyState.DEACTIVATED)
        or key.epoch != claims.get("epoch")
    ):
        raise ClaimRefused(member="key_id", reason="no key of this unit that may head an image")
    if key.proof is None or claims.get("proof", {}).get("by") != key.proof.how:
        raise ClaimRefused(member="proof", reason="not how this key was proven")
    if claims.get("values") != list(key.values):
        raise ClaimRefused(member="values", reason="not the values of this key")
    if claims.get("wrapped", {}).get("commitment") != key.commitment:
        raise ClaimRefused(member="wrapped", reason="not wrapped under this key")


def _check_head(_ring: Keyring, claims: JsonObject, now: int) -> None:
    _check_time(claims, "iat", now)


def _check_report(ring: Keyring, claims: JsonObject, now: int) -> None:
    """A recovery is reported only for a transfer that was installed here and with the key now active."""
    _check_time(claims, "iat", now)
    if claims.get("transfer") not in {item.transfer for item in ring.installations}:
        raise ClaimRefused(member="transfer", reason="no transfer installed here")
    active = ring.active
    if active is None or claims.get("new", {}).get("key_id") != active.key_id:
        raise ClaimRefused(member="new", reason="not the key that protects this unit now")


def _check_deletion(ring: Keyring, claims: JsonObject, now: int) -> None:
    """An image is signed away only if a key of this unit headed it (so it is of this unit's own chain), and
    only after it was marked. docs/formats/deletion-record.md §2."""
    _check_time(claims, "iat", now)
    try:
        deletion_record.DeletionRecord.from_json(claims)
        deletion_record.check_order(claims)
    except Refused as error:
        raise ClaimRefused(member="document", reason=error.code) from error
    key = next((item for item in ring.keys if item.key_id == claims["key_id"]), None)
    if key is None or key.origin != "generated":
        raise ClaimRefused(member="key_id", reason="no key of this unit")


_LIST: Final[tuple[tuple[Form, Check], ...]] = (
    (image_header.FORM, _check_image_header),
    (head.FORM, _check_head),
    (report.FORM, _check_report),
    (deletion_record.FORM, _check_deletion),
)


def _parse(message: bytes) -> tuple[Parsed, Check]:
    try:
        text = message.decode("ascii")
    except UnicodeDecodeError as error:
        raise ClaimRefused(member="typ", reason="no document") from error
    refused = "typ", "no document of the list"
    for form, check in _LIST:
        try:
            parsed = parse(form, f"{text}.{_BLANK_SIGNATURE}")
        except Refused as error:
            if error.layer != "header":  # the right type, and something else about it is wrong
                refused = "document", error.code
            continue
        return parsed, check
    raise ClaimRefused(member=refused[0], reason=refused[1])
