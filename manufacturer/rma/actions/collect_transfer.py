"""The replacement fetches its transfer with the code that was mailed to the customer's contact."""

from __future__ import annotations

from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit.actor import Actor
from audit.log import record
from ground.db.transitions import swap
from manufacturer.rma.codes import MAX_ATTEMPTS, normal_code
from manufacturer.rma.errors import TransferNotReleased
from manufacturer.rma.models import Attempt, Ticket


def collect_transfer(*, request_digest: str, code: str) -> str:
    """The transfer, as often as the right code is given until it is installed.

    One answer, `TransferNotReleased`, for everything else. The attempt is counted before the code is looked
    at, so that many at once cannot try more than the limit.
    """
    attempt = (
        Attempt.objects.select_related("ticket", "unit")
        .filter(
            request__digest=request_digest,
            state=Attempt.State.OPEN,
            received_at__isnull=False,
            ticket__state=Ticket.State.SHIPPED,
        )
        .exclude(code_digest="")
        .first()
    )
    if attempt is None:
        raise TransferNotReleased()
    code_digest = attempt.code_digest
    same_code = Attempt.objects.filter(pk=attempt.pk, code_attempts__lt=MAX_ATTEMPTS, code_digest=code_digest)
    # Committed by itself: a refusal below must not take the count back.
    if not same_code.update(code_attempts=F("code_attempts") + 1):
        raise TransferNotReleased()
    if not check_password(normal_code(code), code_digest):
        _note(attempt, "refused")
        raise TransferNotReleased()
    with transaction.atomic():
        sets = {"code_attempts": 0, "collected_at": attempt.collected_at or timezone.now()}
        if not swap(
            Attempt.objects.filter(pk=attempt.pk, code_digest=code_digest),
            "state",
            Attempt.State.OPEN,
            Attempt.State.OPEN,
            **sets,
        ):
            raise TransferNotReleased()
        _record(attempt, "done")
    return attempt.transfer


def _note(attempt: Attempt, outcome: str) -> None:
    with transaction.atomic():
        _record(attempt, outcome)


def _record(attempt: Attempt, outcome: str) -> None:
    record(
        "transfers.collected",
        actor=Actor.unit(attempt.unit.serial),
        subject=attempt.ticket.number,
        outcome=outcome,
    )
