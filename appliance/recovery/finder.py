"""The finder: what is this text, and what does this unit know about it?

A person pastes whatever they hold: a document (a value, a header, a transfer …), a digest, a key id, an id, a
serial number, a name. The answer says what it is, what it says of itself, what here bears that name and what
it opens. Nothing is changed, no key is asked for, and nothing is found that the person could not have listed.

Lines or codes of a value sheet are put together first (docs/formats/value-sheet.md).

A text that has the form of a document is read as strictly as everywhere else, step by step
(docs/formats/README.md §4), and refused with the layer and reason of the step it fails. Only spaces and line
breaks are forgiven. Signatures are not checked here: the web side holds no root; what was verified before,
when a target was connected or a value lodged, is recognised by its exact text.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from appliance.recovery import finder_rows as rows
from appliance.recovery.errors import (
    FinderEmpty,
    FinderMalformed,
    FinderSheet,
    FinderTooLong,
    FinderUnknownDocument,
)
from appliance.recovery.finder_rows import Hit, Sees
from sealing import sheet
from sealing.content import header as image_header
from sealing.documents import (
    approval,
    authority_list,
    device_record,
    drill,
    enrolment,
    head,
    installation,
    ledger,
    possession,
    receipt,
    report,
    roster,
    ticket,
    transfer,
    transfer_request,
    value,
    void,
    withdrawal,
)
from sealing.documents import image_header as signed_header
from sealing.encoding import normalise_pasted
from sealing.errors import EncodingRefused, Refused
from sealing.jose import Form, Parsed, digest, parse, peek

if TYPE_CHECKING:
    from accounts.models import User

MAX_TEXT = 600 * 1024  # a little more than the largest document, for its line breaks
OPENS_SHOWN = 20
_COMPACT = re.compile(r"[^.]+\.[^.]*\.[^.]*\Z")
_HEX32 = re.compile(r"[0-9a-f]{32}\Z")
_HEX64 = re.compile(r"[0-9a-f]{64}\Z")
_SHA384 = re.compile(r"[A-Za-z0-9_-]{64}\Z")
_SHA256 = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_EPOCH = re.compile(r"(?:epoch\s*)?([0-9]{1,9})\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that the text says of itself, or that is known of it."""

    label: str
    value: str


@dataclass(slots=True)
class Finding:
    """The answer. `opens` are the newest images that a value or key opens, `opens_count` is how many."""

    asked: str  # what the text is: value, image-header, …, digest, key-id, id, text
    title: str
    facts: list[Fact] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    opens: list[Hit] = field(default_factory=list)
    opens_count: int = 0
    notes: list[str] = field(default_factory=list)


def find(text: str, *, user: User) -> Finding:
    """What this text is and what is known of it, as far as this person may see."""
    if len(text) > MAX_TEXT:
        raise FinderTooLong(characters=len(text), limit=MAX_TEXT)
    sees = Sees.of(user)
    if sheet.is_sheet(text):
        return _of_sheet(text, sees)
    pasted, shown = normalise_pasted(text), text.strip()
    if not pasted:
        raise FinderEmpty()
    if _is_document(pasted):
        return _document(pasted, sees)
    for pattern, asked, title, look in _SHAPES:
        if pattern.match(pasted.lower() if asked in ("key-id", "id", "sha-256") else pasted):
            found = look(pasted.lower() if asked in ("key-id", "id", "sha-256") else pasted, sees)
            if found.hits or found.opens or asked != "key-id":
                found.asked, found.title = asked, title if found.hits else f"{title}, unknown here"
                return found
    return _words(shown, sees)


def _of_sheet(text: str, sees: Sees) -> Finding:
    """Typed lines or the parts of codes: first the value they make, then what any value is answered with."""
    try:
        whole = sheet.read(text)
    except EncodingRefused as error:
        place = {name: fact for name, fact in error.facts.items() if fact is not None}
        raise FinderSheet(reason=error.code, why=error.message, **place) from error
    finding = _document(whole, sees)
    made = sheet.cut(whole)
    finding.facts.insert(0, Fact("sheet", made.shown_id))
    finding.notes.append("Read from a value sheet: every line or code of it is there and fits its check.")
    return finding


def _is_document(pasted: str) -> bool:
    """Anything with two dots that is too long for a name, or begins as every document's header does."""
    return pasted.startswith("eyJ") or (len(pasted) > 200 and bool(_COMPACT.match(pasted)))


# ---- documents ---------------------------------------------------------------------------------------------

Look = Callable[["Finding", dict[str, Any], str, Sees], None]


@dataclass(frozen=True, slots=True)
class _Kind:
    asked: str
    title: str
    form: Form
    check: Callable[[Parsed], object]
    look: Look | None = None


def _document(text: str, sees: Sees) -> Finding:
    try:
        typ = peek(text).typ
        kind = _KINDS.get(typ)
        if kind is None:
            known = sorted(name for name in _KINDS if name.split(";")[0] == typ.split(";")[0])
            raise FinderUnknownDocument(typ=typ[:80], known=known)
        parsed = parse(kind.form, text)
        kind.check(parsed)
    except Refused as error:
        raise FinderMalformed(
            layer=error.layer, reason=error.code, why=error.message, characters=len(text)
        ) from error
    finding = Finding(kind.asked, kind.title)
    finding.facts = [Fact("digest", digest(text)), Fact("signed by", parsed.kid), *_facts(parsed.claims)]
    if kind.look is not None:
        kind.look(finding, parsed.claims, text, sees)
    if not finding.hits:
        finding.notes.append("Nothing here knows this text; its signature was not checked here.")
    return finding


_TOLD = {  # claim → label, in the order in which they are shown
    "number": "ticket number",
    "ticket": "ticket",
    "serial": "serial",
    "customer": "customer",
    "appliance": "appliance",
    "key_id": "key id",
    "epoch": "epoch",
    "kind": "kind",
    "authority": "authority key",
    "suite": "suite",
    "purpose": "purpose",
    "image": "image",
    "sequence": "sequence",
    "version": "version",
    "lodged": "lodged",
    "document": "document",
    "target": "target",
    "state": "state",
    "vault": "vault",
}
_TIMES = {
    "iat": "signed at",
    "made_at": "made at",
    "exp": "expires at",
    "ended_at": "ended at",
}


def _facts(claims: dict[str, Any]) -> list[Fact]:
    """What a document says of itself: plain members only, parties by name, times as times."""
    facts = []
    for name, label in _TOLD.items():
        said = claims.get(name)
        if isinstance(said, dict):
            said = said.get("name") or said.get("serial") or said.get("number")
        if isinstance(said, str | int) and not isinstance(said, bool):
            facts.append(Fact(label, str(said)))
    for name, label in _TIMES.items():
        at = claims.get(name)
        if isinstance(at, int) and 0 <= at < 1 << 35:
            facts.append(Fact(label, dt.datetime.fromtimestamp(at, dt.UTC).isoformat()))
    return facts


def _opens(finding: Finding, key_id: str, sees: Sees) -> None:
    """Key, proof, authority and images of a key id."""
    finding.hits += rows.keys(sees, key_id=key_id)
    finding.facts += [Fact(label, said) for label, said in rows.standing_of(sees, key_id)]
    finding.opens_count, finding.opens = rows.images_of_key(sees, key_id, OPENS_SHOWN)


def _of_value(finding: Finding, claims: dict[str, Any], text: str, sees: Sees) -> None:
    finding.hits += rows.values(sees, digest=digest(text))
    finding.facts += [Fact(label, said) for label, said in rows.authority(sees, claims["authority"])]
    _opens(finding, claims["key_id"], sees)
    finding.hits += rows.serials(sees, claims["serial"])


def _of_header(finding: Finding, claims: dict[str, Any], text: str, sees: Sees) -> None:
    finding.hits += rows.images(sees, pk=claims["image"], header=text) if _is_id(claims["image"]) else []
    _opens(finding, claims["key_id"], sees)


def _is_id(text: str) -> bool:
    return bool(_UUID.match(text))


def _of_transfer(finding: Finding, claims: dict[str, Any], text: str, sees: Sees) -> None:
    finding.hits += rows.transfers(sees, transfer=text)
    for key in claims["keys"]:
        _opens(finding, key["key_id"], sees)


def _of_request(finding: Finding, claims: dict[str, Any], text: str, sees: Sees) -> None:
    del claims
    finding.hits += rows.transfers(sees, request_digest=digest(text))


def _of_installation(finding: Finding, claims: dict[str, Any], text: str, sees: Sees) -> None:
    del claims
    finding.hits += rows.transfers(sees, receipt=text)


def _of_receipt(finding: Finding, claims: dict[str, Any], text: str, sees: Sees) -> None:
    del text
    finding.hits += rows.values(sees, digest=claims["document"])
    finding.hits += rows.serials(sees, claims["serial"])


def _of_drill(finding: Finding, claims: dict[str, Any], text: str, sees: Sees) -> None:
    del claims
    finding.hits += rows.drills(sees, request_digest=digest(text))


def _of_proof(finding: Finding, claims: dict[str, Any], text: str, sees: Sees) -> None:
    del claims
    finding.hits += rows.drills(sees, proof=text)


def _of_head(finding: Finding, claims: dict[str, Any], text: str, sees: Sees) -> None:
    del text
    finding.hits += rows.images(sees, header_digest=claims["header"])


def _of_list(finding: Finding, claims: dict[str, Any], text: str, sees: Sees) -> None:
    pinned = rows.pinned_list(sees)
    if pinned is not None:
        version, held = pinned
        finding.facts.append(Fact("version in force here", str(version)))
        if held == text:
            finding.notes.append("This very list is in force here.")
        elif claims["version"] < version:
            finding.notes.append("It is older than the list in force here.")


def _of_unit(finding: Finding, claims: dict[str, Any], text: str, sees: Sees) -> None:
    del text
    finding.hits += rows.serials(sees, str(claims.get("serial", "")))


def _kinds() -> dict[str, _Kind]:
    def document(asked: str, title: str, document: Any, look: Look | None = None) -> _Kind:
        return _Kind(asked, title, document.FORM, document.taken, look)

    listed = [
        document("value", "Escrow value", value.Value, _of_value),
        _Kind(
            "image-header",
            "Header of a backup image",
            signed_header.FORM,
            lambda parsed: image_header.parse_claims(parsed.claims),
            _of_header,
        ),
        document("transfer", "Transfer", transfer.Transfer, _of_transfer),
        document("transfer-request", "Transfer request", transfer_request.TransferRequest, _of_request),
        document("installation", "Installation receipt", installation.Installation, _of_installation),
        document("receipt", "Lodging receipt", receipt.LodgingReceipt, _of_receipt),
        document("drill-request", "Drill request", drill.DrillRequest, _of_drill),
        document("drill-proof", "Drill proof", drill.DrillProof, _of_proof),
        document("head", "Repository head", head.Head, _of_head),
        document("authority-list", "Authority list", authority_list.AuthorityList, _of_list),
        document("enrolment", "Enrolment of a unit", enrolment.Enrolment, _of_unit),
        document("device-record", "Device record", device_record.DeviceRecord, _of_unit),
        document("possession", "Factory request of a unit", possession.Possession, _of_unit),
        document("report", "Recovery report", report.RecoveryReport, _of_unit),
        document("ticket", "Ticket document", ticket.Ticket),
        document("approval", "Approval", approval.Approval),
        document("roster", "Custody roster", roster.Roster),
        document("ledger-entry", "Entry of custody's ledger", ledger.LedgerEntry),
        document("countersignature", "Countersignature", ledger.Countersignature),
        document("void", "Void notice", void.VoidNotice),
        document("withdrawal", "Withdrawal", withdrawal.Withdrawal),
    ]
    return {kind.form.typ: kind for kind in listed}


_KINDS = _kinds()


# ---- names -------------------------------------------------------------------------------------------------


def _digest(text: str, sees: Sees) -> Finding:
    finding = Finding("", "")
    finding.hits += rows.values(sees, digest=text)
    finding.hits += rows.images(sees, header_digest=text)
    finding.hits += rows.drills(sees, request_digest=text) + rows.drills(sees, value_digest=text)
    finding.hits += rows.transfers(sees, request_digest=text)
    for key_id in rows.keys_of_value(sees, text):
        _opens(finding, key_id, sees)
    return finding


def _thumbprint(text: str, sees: Sees) -> Finding:
    finding = Finding("", "")
    finding.hits += rows.units(sees, certificate_thumbprint=text)
    finding.hits += rows.authority_hits(sees, text)
    finding.hits += rows.values(sees, authority_key_id=text)
    finding.hits += rows.keys(sees, commitment=text)
    return finding


def _sha256(text: str, sees: Sees) -> Finding:
    finding = Finding("", "")
    finding.hits += rows.images(sees, link_digest=text) + rows.images(sees, chain=text)
    finding.hits += rows.virtual_images(sees, sha256=text) + rows.virtual_images(sees, recipe=text)
    return finding


def _key_id(text: str, sees: Sees) -> Finding:
    finding = Finding("", "")
    _opens(finding, text, sees)
    finding.hits += rows.keys(sees, data_key_id=text)
    return finding


def _id(text: str, sees: Sees) -> Finding:
    finding = Finding("", "")
    finding.hits = rows.by_id(sees, text)
    return finding


_SHAPES: tuple[tuple[re.Pattern[str], str, str, Callable[[str, Sees], Finding]], ...] = (
    (_UUID, "id", "Id", _id),
    (_HEX32, "key-id", "Key id", _key_id),
    (_HEX32, "id", "Id", _id),
    (_HEX64, "sha-256", "SHA-256 digest", _sha256),
    (_SHA384, "digest", "Digest of a document", _digest),
    (_SHA256, "thumbprint", "Thumbprint of a key or certificate", _thumbprint),
)


def _words(text: str, sees: Sees) -> Finding:
    """A serial number, an epoch, or part of a name."""
    finding = Finding("text", "Names and serial numbers")
    finding.hits += rows.serials(sees, text)
    number = _EPOCH.match(text)
    if number is not None:
        finding.hits += rows.keys(sees, epoch=int(number.group(1)))
    finding.hits += rows.named(sees, text)
    if not finding.hits:
        finding.title = "Nothing here has this name"
    return finding
