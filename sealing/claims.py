"""What a document may say: typed members, each with one shape (docs/formats/README.md §5).

A document's claims are a frozen dataclass whose fields are `Annotated` with a `Kind`; the dataclass is the
schema. Every member is always present (absent things are null), unknown ones are refused, so equal claims
have one text. Names and order in JSON come from the field names alone. Fields without a `Kind` are not
claims.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Self, get_type_hints

from .encoding import MAX_SAFE_INTEGER, B64u, Digest, JsonObject, Thumbprint, from_b64u
from .errors import EncodingRefused, Misuse


@dataclasses.dataclass(frozen=True)
class Kind:
    """How one member is checked when read and how it is written."""

    load: Callable[[str, object], Any]
    dump: Callable[[Any], Any] = lambda value: value


class Claims:
    """Base of every dataclass of claims."""

    @classmethod
    def from_json(cls, value: object, path: str = "") -> Self:
        """Checked claims; `EncodingRefused` names the member that is wrong."""
        kinds = kinds_of(cls)
        if not isinstance(value, dict):
            raise EncodingRefused("member", f"{path or 'the claims'}: not an object", member=path)
        _exactly(kinds, value, path)
        prefix = f"{path}." if path else ""
        return cls(**{name: kind.load(prefix + name, value[name]) for name, kind in kinds.items()})

    def to_json(self) -> JsonObject:
        """The claims as JSON; a claim of the wrong shape is the caller's mistake (`Misuse`)."""
        written = {name: kind.dump(getattr(self, name)) for name, kind in kinds_of(type(self)).items()}
        try:
            type(self).from_json(written)
        except EncodingRefused as error:
            raise Misuse(f"{type(self).__name__}: {error.message}") from error
        return written


def kinds_of(cls: type[Claims]) -> Mapping[str, Kind]:
    """The members of a class of claims."""
    if cls not in _KINDS:
        _KINDS[cls] = _read_kinds(cls)
    return _KINDS[cls]


_KINDS: Final[dict[type[Claims], Mapping[str, Kind]]] = {}


def _read_kinds(cls: Any) -> Mapping[str, Kind]:
    hints = get_type_hints(cls, include_extras=True)
    fields = dataclasses.fields(cls)
    extras = {f.name: getattr(hints[f.name], "__metadata__", ()) for f in fields}
    found = {name: [m for m in extra if isinstance(m, Kind)] for name, extra in extras.items()}
    return {name: kinds[0] for name, kinds in found.items() if kinds}


def _exactly(kinds: Mapping[str, Kind], value: JsonObject, path: str) -> None:
    if unknown := sorted(value.keys() - kinds.keys()):
        raise EncodingRefused("unknown-member", f"{path}: unknown {unknown[0]!r}", member=unknown[0][:64])
    if missing := sorted(kinds.keys() - value.keys()):
        raise EncodingRefused("missing-member", f"{path}: missing {missing[0]!r}", member=missing[0])


def _wrong(path: str, why: str) -> EncodingRefused:
    return EncodingRefused("member", f"{path}: {why}", member=path)


def _string(path: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "not a string")
    return value


def pattern(regex: str, why: str) -> Kind:
    """A string that matches `regex` whole."""
    compiled = re.compile(regex, re.ASCII)

    def load(path: str, value: object) -> str:
        text = _string(path, value)
        if not compiled.fullmatch(text):
            raise _wrong(path, why)
        return text

    return Kind(load)


def integer(low: int, high: int = MAX_SAFE_INTEGER) -> Kind:
    """An integer within bounds; true and false are no integers."""

    def load(path: str, value: object) -> int:
        if type(value) is not int or not low <= value <= high:
            raise _wrong(path, f"not an integer from {low} to {high}")
        return value

    return Kind(load)


def one_of(*words: str) -> Kind:
    """One of a closed list of words."""

    def load(path: str, value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise _wrong(path, f"not one of {', '.join(words)}")
        return value

    return Kind(load)


def octets(low: int, high: int | None = None) -> Kind:
    """Canonical base64url of so many bytes."""
    most = low if high is None else high

    def load(path: str, value: object) -> B64u:
        text = _string(path, value)
        if not low <= len(from_b64u(text)) <= most:
            raise _wrong(path, f"not {low}..{most} bytes")
        return B64u(text)

    return Kind(load)


def words(most: int) -> Kind:
    """Text for people: NFC, 0 to `most` characters, no control, format or line-breaking characters.

    Direction marks and invisible characters could make a person read another text than the one signed.
    """

    def load(path: str, value: object) -> str:
        text = _string(path, value)
        if len(text) > most:
            raise _wrong(path, f"longer than {most} characters")
        if unicodedata.normalize("NFC", text) != text or text != text.strip():
            raise _wrong(path, "not normalised")
        if any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for c in text):
            raise _wrong(path, "control or invisible characters")
        return text

    return Kind(load)


def document(most: int) -> Kind:
    """The text of another document; it is read by its own reader."""

    def load(path: str, value: object) -> str:
        text = _string(path, value)
        if len(text) > most or not re.fullmatch(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", text):
            raise _wrong(path, "not a document")
        return text

    return Kind(load)


def nullable(kind: Kind) -> Kind:
    """The kind, or null."""
    return Kind(
        lambda path, value: None if value is None else kind.load(path, value),
        lambda value: None if value is None else kind.dump(value),
    )


def nested(cls: type[Claims]) -> Kind:
    """An object with claims of its own."""
    return Kind(lambda path, value: cls.from_json(value, path), lambda value: value.to_json())


def listed(kind: Kind, least: int, most: int) -> Kind:
    """A list of `least` to `most` members, as a tuple."""

    def load(path: str, value: object) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            raise _wrong(path, f"not a list of {least} to {most}")
        return tuple(kind.load(f"{path}[{i}]", item) for i, item in enumerate(value))

    return Kind(load, lambda value: [kind.dump(item) for item in value])


# Shapes shared by documents (docs/formats/README.md §5).
SERIAL: Final = pattern(r"[A-Za-z0-9][A-Za-z0-9._-]{1,39}", "not a serial number")
_HEX: Final = "[0-9a-f]"
UUID: Final = pattern(
    f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}", "not a UUID in lower case"
)
KEY_ID: Final = pattern(f"{_HEX}{{32}}", "not 16 bytes in lower-case hex")
KEY_KIND: Final = one_of("symmetric", "hybrid")
SUITE: Final = pattern(r"[a-z0-9][a-z0-9-]{1,63}", "not a suite name")

TIME: Final = integer(1_500_000_000, 253_402_300_799)  # seconds since 1970: 2017 to 9999
PERSON_ID: Final = pattern(r"[A-Za-z0-9][A-Za-z0-9@._+-]{0,63}", "not a person's id")

Serial = Annotated[str, SERIAL]
UuidText = Annotated[str, UUID]
KeyId = Annotated[str, KEY_ID]
KeyKind = Annotated[str, KEY_KIND]
PersonId = Annotated[str, PERSON_ID]
Suite = Annotated[str, SUITE]
Epoch = Annotated[int, integer(1, 2**31 - 1)]
Version = Annotated[int, integer(1, 2**31 - 1)]
Count = Annotated[int, integer(0)]
Time = Annotated[int, TIME]
DocumentDigest = Annotated[Digest, octets(48)]
KeyThumbprint = Annotated[Thumbprint, octets(32)]
Nonce = Annotated[B64u, octets(32)]
Commitment = Annotated[B64u, octets(32)]
Name = Annotated[str, words(120)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Party(Claims):
    """A customer or an appliance: its identity and the name that people read."""

    id: UuidText
    name: Name


@dataclasses.dataclass(frozen=True, kw_only=True)
class Person(Claims):
    """Somebody at the desk or at a customer, by account."""

    id: PersonId
    name: Name


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeadRef(Claims):
    """The newest lodged head of one target: what the newest image there must be, or be newer than."""

    target: UuidText
    sequence: Count
    header: DocumentDigest  # digest of the image header it names
    head: DocumentDigest  # digest of the head document itself
    made_at: Time


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source(Claims):
    """The unit whose keys are recovered, and how it ended."""

    serial: Serial
    certificate: KeyThumbprint
    ended: Annotated[str, one_of("failed", "tampered", "stolen", "retired", "in-service")]
    ended_at: Time


AParty = Annotated[Party, nested(Party)]
APerson = Annotated[Person, nested(Person)]
ASource = Annotated[Source, nested(Source)]
Heads = Annotated[tuple[HeadRef, ...], listed(nested(HeadRef), 0, 32)]
