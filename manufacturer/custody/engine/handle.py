"""One request of the desk, from the stored row to the stored answer.

    judge      documents and gates; nothing is opened
    intent     ledger entry and counters, committed
    open       the values, by the one path that drills and recoveries share
    result     transfer or proof, nonce, ledger entry and answer, in one commit

A crash before `result` leaves an intent without one; the request is judged again from the start, and what had
been made was never released. A refusal, whatever the reason, is one answer to the desk; the reason stays
here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from django.db import IntegrityError, transaction

from ground.db.transitions import swap
from manufacturer.custody.engine import gates, ledger
from manufacturer.custody.engine.believe import (
    Recovery,
    believe_drill,
    believe_recovery,
    believe_void,
    believe_withdrawal,
)
from manufacturer.custody.errors import NotBelieved
from manufacturer.custody.keyholder import KeyHolder
from manufacturer.custody.models import Barred, Nonce, Request, TransferMade
from manufacturer.custody.trust import current_trust
from sealing.backupkey import BackupKey
from sealing.documents import drill, transfer
from sealing.documents.value import Value
from sealing.errors import Misuse, Refused
from sealing.jose import peek
from sealing.trust import Trust

log = logging.getLogger("custody")

TRANSFER_LIFE: Final = 30 * 86_400  # seconds; after that a reissue is needed
REFUSED: Final = {"outcome": "refused"}
Reply = dict[str, str]
_T = TypeVar("_T")


def handle_request(request_id: str, holder: KeyHolder, *, now: int | None = None) -> str:
    """Judge and answer one stored request; the state it then has. Doing it again changes nothing."""
    row = Request.objects.filter(pk=request_id).first()
    if row is None:
        return "unknown"
    if not swap(row, "state", [Request.State.RECEIVED, Request.State.WORKING], Request.State.WORKING):
        return str(row.state)
    at = int(time.time()) if now is None else now
    try:
        _KINDS[row.kind](row, holder, at)
    except (NotBelieved, Refused, IntegrityError) as error:
        # IntegrityError: a constraint was the last guard (nonce, attempt), the rest was rolled back.
        reason = error.reason if isinstance(error, NotBelieved) else getattr(error, "code", "constraint")
        _refuse(row, reason)
    return str(row.state)


# --- recoveries -------------------------------------------------------------------------------------------


def _recover(row: Request, holder: KeyHolder, now: int) -> None:
    trust = current_trust()
    recovery = _judged(lambda: believe_recovery(row.documents, trust, now))
    asked = recovery.ticket
    _check_recovery_gates(recovery)
    chosen = _choose(recovery.values, holder)
    subject = f"ticket {asked.id} attempt {asked.attempt} to {asked.target.serial}"
    facts: dict[str, Any] = {
        "kind": "recover",
        "subject": subject,
        "request": str(row.pk),
        "customer": asked.customer.id,
        "values": [v.digest for v in chosen],
    }
    keys = _open(chosen, holder, trust, facts, counted=f"customer:{asked.customer.id}", as_what="opened")
    text = transfer.issue(
        asked,
        recovery.request,
        recovery.kem,
        [(key, v.digest) for key, v in zip(keys, chosen, strict=True)],
        iat=now,
        exp=now + TRANSFER_LIFE,
        signer=holder.signer,
    )
    with transaction.atomic():
        Nonce.objects.create(value=recovery.request.nonce, used_for=subject)
        TransferMade.objects.create(
            ticket=asked.id,
            attempt=asked.attempt,
            state=TransferMade.State.LIVE,
            request_digest=recovery.request.digest,
            target=asked.target.certificate,
            document=text,
        )
        ledger.append(holder.signer, phase="result", outcome="done", **facts)
        _answer(row, {"outcome": "done", "transfer": text})


def _check_recovery_gates(recovery: Recovery) -> None:
    asked = recovery.ticket
    gates.check_caps(asked.customer.id)
    gates.check_not_barred("identity", recovery.identities)
    gates.check_not_barred("key", [v.key_id for v in recovery.values])
    gates.check_attempt_free(asked.id, asked.attempt)
    gates.check_nonce_fresh(recovery.request.nonce)


def _choose(values: tuple[Value, ...], holder: KeyHolder) -> list[Value]:
    """One value for each key: the first that is sealed to a key held here. Every key must have one."""
    chosen: dict[str, Value] = {}
    for value in values:
        if holder.holds(value.authority):
            chosen.setdefault(value.key_id, value)
    if {value.key_id for value in values} != chosen.keys():
        raise NotBelieved("authority.not-held")
    return list(chosen.values())


# --- drills -----------------------------------------------------------------------------------------------


def _drill(row: Request, holder: KeyHolder, now: int) -> None:
    trust = current_trust()
    asked, value = _judged(lambda: believe_drill(row.documents, trust))
    gates.check_drill_cap(asked.serial)
    gates.check_not_barred("identity", {asked.unit.thumbprint, value.unit.thumbprint})
    gates.check_not_barred("key", [value.key_id])
    gates.check_nonce_fresh(asked.nonce)
    facts: dict[str, Any] = {
        "kind": "drill",
        "subject": f"unit {asked.serial}, {asked.purpose}",
        "request": str(row.pk),
        "customer": value.customer,
        "values": [value.digest],
    }
    (key,) = _open([value], holder, trust, facts, counted=f"unit:{asked.serial}", as_what="drilled")
    proof = drill.issue_proof(asked, value, key, iat=now, signer=holder.signer)
    with transaction.atomic():
        Nonce.objects.create(value=asked.nonce, used_for=facts["subject"])
        ledger.append(holder.signer, phase="result", outcome="done", **facts)
        _answer(row, {"outcome": "done", "proof": proof})


# --- what only takes away -----------------------------------------------------------------------------------


def _void(row: Request, holder: KeyHolder, _now: int) -> None:
    trust = current_trust()
    notice = _judged(lambda: believe_void(row.documents, trust))
    with transaction.atomic():
        made, _ = TransferMade.objects.get_or_create(
            ticket=notice.ticket, attempt=notice.attempt, defaults={"state": TransferMade.State.VOID}
        )
        swap(made, "state", TransferMade.State.LIVE, TransferMade.State.VOID)
        ledger.append(
            holder.signer,
            kind="void",
            phase="result",
            outcome="done",
            subject=f"ticket {notice.ticket} attempt {notice.attempt}",
            request=str(row.pk),
            customer=notice.customer,
        )
        _answer(row, {"outcome": "done"})


def _withdraw(row: Request, holder: KeyHolder, _now: int) -> None:
    trust = current_trust()
    notice = _judged(lambda: believe_withdrawal(row.documents, trust))
    with transaction.atomic():
        Barred.objects.get_or_create(
            kind=Barred.Kind.IDENTITY,
            name=notice.certificate,
            defaults={"reason": notice.reason, "by": Barred.BY_DESK},
        )
        ledger.append(
            holder.signer,
            kind="bar",
            phase="result",
            outcome="done",
            subject=f"unit {notice.serial} {notice.reason}",
            request=str(row.pk),
        )
        _answer(row, {"outcome": "done"})


_KINDS: Final = {"recover": _recover, "drill": _drill, "void": _void, "withdraw": _withdraw}


# --- shared -----------------------------------------------------------------------------------------------


def _judged(believe: Callable[[], _T]) -> _T:
    """Documents are hostile: whatever goes wrong while reading them is a refusal, and ends no worker."""
    try:
        return believe()
    except (NotBelieved, Refused):
        raise
    except Exception as error:
        log.exception("a document was refused by an error of ours")
        raise NotBelieved("documents.unreadable") from error


def _open(
    values: list[Value],
    holder: KeyHolder,
    trust: Trust,
    facts: Mapping[str, Any],
    *,
    counted: str,
    as_what: str,
) -> list[BackupKey]:
    """The one path to keys: intent and counters are committed before the first value is opened."""
    with transaction.atomic():
        ledger.append(holder.signer, phase="intent", outcome="begun", **facts)
        gates.count(counted, **{as_what: len(values)})
        gates.count(gates.OPENINGS, opened=len(values))
    try:
        return [holder.open(value, trust) for value in values]
    except NotBelieved:
        with transaction.atomic():
            ledger.append(holder.signer, phase="result", outcome="refused", **facts)
        raise


def _answer(row: Request, reply: Reply) -> None:
    if not swap(row, "state", Request.State.WORKING, Request.State.ANSWERED, reply=reply):
        raise NotBelieved("request.answered")


def _refuse(row: Request, reason: str) -> None:
    log.warning("request %s (%s) refused: %s", row.pk, row.kind, reason)
    with transaction.atomic():
        gates.count(_blamed(row), refused=1)
        swap(
            row,
            "state",
            Request.State.WORKING,
            Request.State.ANSWERED,
            reply=dict(REFUSED),
            inner_reason=reason[:200],
        )


def _blamed(row: Request) -> str:
    """Whose counter a refusal raises: the customer the ticket names. Unverified, so it can only lock out."""
    try:
        customer = peek(row.documents["ticket"]).claims["customer"]["id"]
    except (Refused, Misuse, KeyError, TypeError, AttributeError):
        return "customer:unreadable"
    return f"customer:{str(customer)[:60]}" if row.kind == "recover" else "customer:unreadable"
