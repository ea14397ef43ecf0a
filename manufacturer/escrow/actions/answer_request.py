"""Custody's answer to a request: taken once, and what follows from it in the same transaction.

What an answer means for a ticket is the ticket room's business: it registers `on_answer`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from audit.log import record
from ground.db.transitions import swap
from manufacturer.escrow.errors import AnswerDiffers, AnswerRefused
from manufacturer.escrow.models import CustodyRequest, Drill, LodgedValue
from manufacturer.registry.selectors import one
from manufacturer.registry.trust import current_trust, reading
from sealing.documents import drill as drill_document
from sealing.documents import transfer as transfer_document

Follower = Callable[[CustodyRequest, Actor], None]
_followers: list[Follower] = []


def on_answer(follower: Follower) -> Follower:
    """Call `follower` inside the transaction of every answer to a recovery or a void."""
    _followers.append(follower)
    return follower


def answer_request(*, actor: Actor, request_id: UUID | str, reply: dict[str, Any]) -> CustodyRequest:
    """waiting → answered. The same answer again is taken as the same; another one is `AnswerDiffers`."""
    row = one(CustodyRequest.objects.all(), request_id)
    clean = {name: text for name, text in reply.items() if text}
    with transaction.atomic():
        moved = swap(
            row,
            "state",
            CustodyRequest.State.WAITING,
            CustodyRequest.State.ANSWERED,
            reply=clean,
            answered_at=timezone.now(),
        )
        if not moved:
            row.refresh_from_db()
            if row.reply != clean:
                raise AnswerDiffers(request=str(row.pk))
            return row
        _check(row)
        if row.kind == CustodyRequest.Kind.DRILL:
            _follow_drill(row)
        else:
            for follower in _followers:
                follower(row, actor)
        record(
            "custody.answered",
            actor=actor,
            subject=row.subject,
            facts={"request": str(row.pk), "kind": row.kind, "outcome": clean["outcome"]},
        )
    return row


def _check(row: CustodyRequest) -> None:
    """An answer has what its kind needs, signed by custody: the bearer token alone is believed in nothing."""
    reply = row.reply or {}
    if reply["outcome"] != "done":
        return
    trust = current_trust()
    with reading():
        if row.kind == CustodyRequest.Kind.RECOVER:
            found = transfer_document.read(reply.get("transfer", ""), trust)
            wanted = row.documents["ticket"]
            if found.ticket.document != transfer_document.digest(wanted):
                raise AnswerRefused(request=str(row.pk))
        elif row.kind == CustodyRequest.Kind.DRILL:
            proof = drill_document.read_proof(reply.get("proof", ""), trust)
            if proof.request != drill_document.digest(row.documents["request"]):
                raise AnswerRefused(request=str(row.pk))


def _follow_drill(row: CustodyRequest) -> None:
    reply = row.reply or {}
    proven = reply["outcome"] == "done"
    drill = row.drill
    swap(
        drill,
        "state",
        Drill.State.WAITING,
        Drill.State.PROVEN if proven else Drill.State.REFUSED,
        proof=reply.get("proof", ""),
        answered_at=row.answered_at,
    )
    if proven:
        LodgedValue.objects.filter(digest=drill.value_digest).update(proven_at=row.answered_at)
