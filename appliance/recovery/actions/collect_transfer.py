"""Take the transfer that was made for this unit: with the one-time code from the desk, or from a file."""

from __future__ import annotations

from django.db import transaction

from appliance.recovery.errors import NoSuchRequest, TransferNotForUs
from appliance.recovery.models import TransferCase
from appliance.unit.desk import desk_of
from appliance.unit.selectors import unit
from audit.actor import Actor
from audit.log import record
from ground.db.transitions import transition
from jobs.actions import start_job
from jobs.models import Job
from sealing.documents import transfer as transfers
from sealing.encoding import normalise_pasted
from sealing.errors import Refused
from sealing.jose import parse


def collect_transfer(case: TransferCase | None = None, *, actor: Actor, code: str) -> Job:
    """Fetch it from the desk with the code that reached the customer's contact another way.

    The code goes to the desk and nowhere else: no row, job or event holds it.
    """
    case = _open_case(case)
    text = desk_of(unit()).collect_transfer(case.request_digest, code.strip())
    return _take(case, text, actor=actor, how="desk")


def load_transfer_file(case: TransferCase | None = None, *, actor: Actor, document: str) -> Job:
    """Take it from a file or pasted text, for a unit that cannot reach the desk."""
    try:
        text = normalise_pasted(document)
    except Refused as error:
        raise TransferNotForUs(layer=error.layer, reason=error.reason) from error
    return _take(_open_case(case), text, actor=actor, how="file")


def _open_case(case: TransferCase | None) -> TransferCase:
    states = TransferCase.State
    open_cases = TransferCase.objects.filter(state__in=[states.REQUESTED, states.COLLECTED])
    found = open_cases.filter(pk=case.pk).first() if case is not None else open_cases.first()
    if found is None:
        raise NoSuchRequest()
    return found


def _take(case: TransferCase, text: str, *, actor: Actor, how: str) -> Job:
    """Keep the document and start its installation. What it says is looked at only so far as to refuse what
    cannot be meant for this request; the key process checks everything."""
    try:
        claims = parse(transfers.FORM, text).claims
    except Refused as error:
        raise TransferNotForUs(layer=error.layer, reason=error.reason) from error
    target = claims.get("target")
    if not isinstance(target, dict) or target.get("request") != case.request_digest:
        raise TransferNotForUs(reason="it answers another request")
    states = TransferCase.State
    with transaction.atomic():
        transition(
            case, "state", [states.REQUESTED, states.COLLECTED], states.COLLECTED, transfer=text, problem=None
        )
        record("recovery.collected", actor=actor, subject=f"transfer:{case.pk}", facts={"how": how})
        return start_job(
            "recovery.install", actor=actor, params={"case": str(case.pk)}, subject=f"transfer:{case.pk}"
        )
