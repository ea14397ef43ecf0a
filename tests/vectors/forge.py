"""How vectors of exactly one fault are forged: everything around it is made right and signed anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sealing.encoding import b64u, from_b64u
from sealing.jose import Signer

Header = dict[str, Any]


def canonical(value: Any) -> bytes:
    """Canonical JSON, written apart from the code under test."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def header_of(text: str) -> Header:
    loaded: Header = json.loads(from_b64u(text.split(".")[0]))
    return loaded


def payload_of(text: str) -> bytes:
    return from_b64u(text.split(".")[1])


def claims_of(text: str) -> Header:
    loaded: Header = json.loads(payload_of(text))
    return loaded


def signed(header: bytes, payload: bytes, signer: Signer) -> str:
    """A JWS over exactly these bytes."""
    text = f"{b64u(header)}.{b64u(payload)}"
    return f"{text}.{b64u(signer.sign(text.encode()))}"


def with_header(text: str, signer: Signer, **changes: Any) -> str:
    """Header members changed (`...` removes one), signed anew."""
    header = {**header_of(text), **changes}
    header = {name: value for name, value in header.items() if value is not ...}
    return signed(canonical(header), payload_of(text), signer)


def with_raw_header(text: str, signer: Signer, change: Callable[[bytes], bytes]) -> str:
    """The header's bytes changed, signed anew."""
    return signed(change(canonical(header_of(text))), payload_of(text), signer)


def with_claims(text: str, signer: Signer, **changes: Any) -> str:
    """Payload claims changed (`...` removes one), signed anew."""
    claims = {**claims_of(text), **changes}
    claims = {name: value for name, value in claims.items() if value is not ...}
    return signed(canonical(header_of(text)), canonical(claims), signer)


def with_raw_payload(text: str, signer: Signer, change: Callable[[bytes], bytes]) -> str:
    """The payload's bytes changed, signed anew."""
    return signed(canonical(header_of(text)), change(payload_of(text)), signer)


def resealed(
    text: str,
    signer: Signer,
    seal: Callable[[bytes], bytes],
    label: bytes,
    *,
    info_header: bytes | None = None,
    **changes: Any,
) -> str:
    """Header members changed, sealed anew by `seal(info)` and signed anew."""
    header = canonical({**header_of(text), **changes})
    info = label + b"\0" + b64u(info_header or header).encode()
    return signed(header, seal(info), signer)


def flipped(data: bytes, index: int = -1) -> bytes:
    """One bit of one byte flipped."""
    changed = bytearray(data)
    changed[index] ^= 1
    return bytes(changed)


def replace_part(text: str, index: int, part: str) -> str:
    """One of the three parts replaced."""
    parts = text.split(".")
    parts[index] = part
    return ".".join(parts)


@dataclass
class Collector:
    """The vectors made so far."""

    vectors: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, fault: str, do: str, expect: str, **given: Any) -> None:
        """One vector: `expect` is the code of the refusal, whose first word is the layer."""
        layer = expect.split(".")[0]
        self.vectors.append(
            {"name": name, "fault": fault, "do": do, "given": given, "layer": layer, "code": expect}
        )
