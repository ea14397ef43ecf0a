"""The unit's side of what is said to the manufacturer's desk. Every body is a signed document.

No redirects are followed and no proxy of the environment is used; each call has a time limit and each answer
a size limit. Nothing that comes back is believed here: documents are checked by the key process. Errors
become refusals in words with a next step.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from .addresses import checked_address
from .errors import DeskAddressRefused, DeskAnswerRefused, DeskRefused, DeskUnreachable
from .models import Unit
from .selectors import unit_with_desk

TIMEOUT: Final = httpx.Timeout(20.0, connect=5.0)  # seconds
MAX_ANSWER_BYTES: Final = 4 << 20  # a transfer with many keys stays far below


@dataclass(frozen=True)
class Lodged:
    """The desk's answer to a value or head: its own id for it (values only) and the signed receipt."""

    receipt: str
    id: str = ""


@dataclass(frozen=True)
class DrillState:
    """How far a drill is at the desk; `proof` is there once custody answered."""

    id: str
    state: str
    proof: str | None = None


class Desk:
    """Calls of one desk. `transport` is for tests that need the network to fail in a particular way."""

    def __init__(self, base_url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._base: Final = checked_address(base_url)
        self._transport: Final = transport

    def authority(self) -> str:
        """The newest authority list."""
        return _text(self._get("authority"), "list")

    def enrolment(self, certificate_thumbprint: str) -> str:
        """The document that says whose unit this is."""
        return _text(self._get(f"enrolments/{_segment(certificate_thumbprint)}"), "enrolment")

    def lodge_value(self, value: str) -> Lodged:
        """Leave a value in the desk's keeping; lodging the same one again gives a receipt again."""
        answer = self._post("values", {"value": value})
        return Lodged(_text(answer, "receipt"), _text(answer, "id"))

    def lodge_head(self, head: str) -> Lodged:
        """Leave the newest head of a repository."""
        return Lodged(_text(self._post("heads", {"head": head}), "receipt"))

    def ask_drill(self, request: str) -> DrillState:
        """Ask custody to prove that it can open a value."""
        answer = self._post("drills", {"request": request})
        return DrillState(_text(answer, "id"), _text(answer, "state"))

    def drill(self, drill_id: str) -> DrillState:
        """Ask how far it is."""
        answer = self._get(f"drills/{_segment(drill_id)}")
        proof = answer.get("proof")
        if proof is not None and not isinstance(proof, str):
            raise DeskAnswerRefused(reason="proof is no text")
        return DrillState(drill_id, _text(answer, "state"), proof)

    def send_transfer_request(self, request: str) -> None:
        """Announce that this unit is ready to receive keys."""
        self._post("transfer-requests", {"request": request})

    def collect_transfer(self, request_digest: str, code: str) -> str:
        """The transfer made for this unit's request, for the one-time code."""
        return _text(
            self._post("transfers/collect", {"request_digest": request_digest, "code": code}), "transfer"
        )

    def send_installation(self, receipt: str) -> None:
        """Say that the transfer was installed."""
        self._post("installations", {"receipt": receipt})

    def send_report(self, report: str) -> None:
        """Say that the recovery is complete, with its evidence."""
        self._post("recovery-reports", {"report": report})

    def _get(self, path: str) -> Mapping[str, Any]:
        return self._call("GET", path, None)

    def _post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        try:
            with (
                httpx.Client(
                    timeout=TIMEOUT,
                    follow_redirects=False,
                    trust_env=False,
                    verify=_authorities(),
                    transport=self._transport,
                ) as client,
                client.stream(method, f"{self._base}/api/v1/{path}", json=body) as answer,
            ):
                content = _bounded(answer)
        except httpx.InvalidURL as error:
            raise DeskAddressRefused(url=self._base) from error
        except httpx.TransportError as error:
            raise DeskUnreachable(url=self._base, reason=type(error).__name__) from error
        except httpx.HTTPError as error:
            raise DeskAnswerRefused(url=self._base, reason=type(error).__name__) from error
        return _judged(answer, content)


def desk_of(unit: Unit | None = None) -> Desk:
    """The desk this unit is set to; `DeskNotSet` if there is none."""
    return Desk((unit if unit is not None and unit.desk_url else unit_with_desk()).desk_url)


@functools.cache
def _authorities() -> ssl.SSLContext:
    """Whose certificates are believed. Reading them takes 20 ms, which a call need not pay."""
    return httpx.create_ssl_context(trust_env=False)


def _bounded(answer: httpx.Response) -> bytes:
    content = bytearray()
    for piece in answer.iter_bytes():
        content += piece
        if len(content) > MAX_ANSWER_BYTES:
            raise DeskAnswerRefused(reason="larger than any answer")
    return bytes(content)


def _judged(answer: httpx.Response, content: bytes) -> Mapping[str, Any]:
    body = _object(content) if content else {}
    if answer.is_success and body is not None:
        return body
    if answer.is_success:
        raise DeskAnswerRefused(status=answer.status_code, reason="not a JSON object")
    if answer.is_redirect:
        raise DeskAnswerRefused(status=answer.status_code, reason="a redirect; none is followed")
    problem = body or {}
    code = problem.get("code")
    if answer.status_code >= 500 or not isinstance(code, str):
        raise DeskUnreachable(status=answer.status_code, reason="no answer of a desk")
    raise DeskRefused(
        status=answer.status_code,
        desk_code=code[:100],
        desk_title=str(problem.get("title", ""))[:300],
        desk_next_step=str(problem.get("next_step", ""))[:500],
    )


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        body = httpx.Response(200, content=content).json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise DeskAnswerRefused(missing=name)
    return value


def _segment(text: str) -> str:
    return quote(text, safe="")
