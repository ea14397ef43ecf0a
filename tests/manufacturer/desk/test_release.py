"""From custody's answer to the closed case: reissue, release by code, installation, close-out, mail."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import override_settings

from audit.log import verify_chain
from ground.refusals import Refusal
from jobs.models import Job
from manufacturer.escrow.actions.answer_request import answer_request
from manufacturer.escrow.models import CustodyRequest
from manufacturer.registry.actions.take_transfer_request import take_transfer_request
from manufacturer.registry.models import TransferRequest
from manufacturer.registry.models import Unit as UnitRow
from manufacturer.rma.actions.add_approval import add_approval
from manufacturer.rma.actions.close_ticket import close_ticket
from manufacturer.rma.actions.collect_transfer import collect_transfer
from manufacturer.rma.actions.confirm_receipt import confirm_receipt, send_new_code
from manufacturer.rma.actions.refuse_ticket import refuse_ticket
from manufacturer.rma.actions.reissue_ticket import reissue_ticket
from manufacturer.rma.actions.reserve_replacement import reserve_replacement
from manufacturer.rma.actions.ship_ticket import ship_ticket
from manufacturer.rma.actions.take_installation import take_installation
from manufacturer.rma.actions.take_report import take_report
from manufacturer.rma.codes import MAX_ATTEMPTS, new_code, normal_code
from manufacturer.rma.models import Attempt, Ticket
from manufacturer.rma.tasks import send_notice, send_release_code
from sealing.documents import void
from tests.support.desk import CODE, SYSTEM, Context, Desk


def refusal_of(action: Any, **given: Any) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        action(**given)
    return refusal.value


def digest_of(desk: Desk, ticket: Ticket) -> str:
    return desk.attempt(ticket).request.digest


# --- custody's answer ---------------------------------------------------------------------------------------


def test_when_custody_declines_the_ticket_goes_back_and_every_approval_is_void(desk: Desk) -> None:
    ticket = desk.accept(desk.site("acme").open())
    desk.reserve(ticket, "acme-2")
    desk.approve(ticket, "bea", "carl")
    before = desk.attempt(ticket).document_digest
    desk.custody_answers(ticket, outcome="refused")
    attempt = desk.attempt(ticket)
    assert (ticket.state, attempt.transfer, attempt.custody_request) == ("accepted", "", None)
    assert attempt.document_digest != before
    assert not attempt.approvals.filter(void=False).exists()
    desk.approve(ticket, "bea", "carl")
    desk.custody_answers(ticket)
    assert ticket.state == "ready"


def test_an_answer_for_an_attempt_voided_meanwhile_moves_nothing(desk: Desk) -> None:
    ticket = desk.accept(desk.site("acme").open())
    desk.reserve(ticket, "acme-2")
    desk.approve(ticket, "bea", "carl")
    request = CustodyRequest.objects.get(kind="recover")
    reissue_ticket(actor=desk.by_clerk, ticket=ticket, reason="wrong unit")
    reply = {"outcome": "done", "transfer": desk.maker.transfer(request.documents)}
    answer_request(actor=SYSTEM, request_id=request.pk, reply=reply)
    ticket.refresh_from_db()
    assert ticket.state == "accepted"
    assert Attempt.objects.get().transfer == ""


# --- reissue ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fate", "state", "withdrawn"),
    [("kept", "shipped", ""), ("lost", "stolen", "stolen"), ("dead", "failed", "failed")],
)
def test_a_reissue_voids_the_old_transfer_and_begins_again(
    desk: Desk, fate: Any, state: str, withdrawn: str
) -> None:
    ticket, fresh, _, code = desk.to_released(desk.site("acme"))
    digest = digest_of(desk, ticket)
    reissue_ticket(actor=desk.by_clerk, ticket=ticket, reason="it never came", unit=fate)
    notice = void.read(CustodyRequest.objects.get(kind="void").documents["notice"], desk.maker.trust)
    row = UnitRow.objects.get(serial=fresh.serial)
    assert (notice.ticket, notice.attempt) == (str(ticket.pk), 1)
    assert (ticket.state, row.state, row.withdrawn_reason) == ("accepted", state, withdrawn)
    assert refusal_of(collect_transfer, request_digest=digest, code=code).code == "transfers.not-released"
    assert TransferRequest.objects.get().state == "void"
    desk.reserve(ticket, "acme-3")
    assert desk.attempt(ticket).number == 2
    desk.approve(ticket, "bea", "carl")
    desk.custody_answers(ticket)
    assert ticket.state == "ready"
    assert Attempt.objects.filter(state="open").count() == 1


def test_old_approvals_do_not_serve_a_reissue(desk: Desk) -> None:
    ticket, _, _ = desk.to_ready(desk.site("acme"))
    old = [a.document for a in desk.attempt(ticket).approvals.all()]
    reissue_ticket(actor=desk.by_clerk, ticket=ticket, reason="expired")
    desk.reserve(ticket, "acme-3")
    for text in old:
        refusal = refusal_of(add_approval, actor=SYSTEM, ticket=ticket, approval=text)
        assert refusal.code == "approvals.other-document"


def test_a_reissue_without_a_reason_is_refused(desk: Desk) -> None:
    ticket, _, _ = desk.to_ready(desk.site("acme"))
    refusal = refusal_of(reissue_ticket, actor=desk.by_clerk, ticket=ticket, reason=" ")
    assert refusal.code == "tickets.reason-missing"


def test_an_installed_replacement_is_not_reissued(desk: Desk) -> None:
    ticket, _, _ = desk.to_installed(desk.site("acme"))
    refusal = refusal_of(reissue_ticket, actor=desk.by_clerk, ticket=ticket, reason="x")
    assert refusal.code == "tickets.move-not-allowed"


def test_the_database_refuses_two_open_attempts(desk: Desk) -> None:
    ticket = desk.accept(desk.site("acme").open())
    desk.reserve(ticket, "acme-2")
    made, row = desk.unit("acme-3")
    waiting = take_transfer_request(document=made.request())
    with pytest.raises(IntegrityError), transaction.atomic():
        Attempt.objects.create(ticket=ticket, number=2, request=waiting, unit=row)


# --- reserving ----------------------------------------------------------------------------------------------


def test_a_request_joined_to_a_ticket_is_not_joined_to_another(desk: Desk) -> None:
    first, second = desk.accept(desk.site("acme").open()), desk.accept(desk.site("bell").open())
    desk.reserve(first, "acme-2")
    taken = TransferRequest.objects.get()
    refusal = refusal_of(reserve_replacement, actor=SYSTEM, ticket=second, transfer_request=taken)
    assert refusal.code == "tickets.request-not-waiting"
    assert second.attempts.count() == 0


def test_a_unit_of_another_customer_is_not_reserved(desk: Desk) -> None:
    ticket, other = desk.accept(desk.site("acme").open()), desk.site("bell")
    UnitRow.objects.filter(pk=other.row.pk).update(state="under_repair")
    waiting = take_transfer_request(document=other.unit.request())
    refusal = refusal_of(reserve_replacement, actor=SYSTEM, ticket=ticket, transfer_request=waiting)
    assert refusal.code == "tickets.request-not-waiting"


def test_the_lost_unit_itself_is_not_its_replacement(desk: Desk) -> None:
    site = desk.site("acme")
    ticket = desk.accept(site.open())
    with pytest.raises(Refusal) as refusal:
        take_transfer_request(document=site.unit.request())
    assert (refusal.value.code, ticket.state) == ("documents.not-accepted", "accepted")


def test_a_unit_that_asks_again_supersedes_its_waiting_request(desk: Desk) -> None:
    made, _ = desk.unit("spare-1")
    first, second = (take_transfer_request(document=made.request()) for _ in range(2))
    first.refresh_from_db()
    assert (first.state, second.state) == ("superseded", "waiting")
    assert take_transfer_request(document=second.document).pk == second.pk


def test_a_unit_whose_request_was_joined_cannot_exchange_it(desk: Desk) -> None:
    ticket = desk.accept(desk.site("acme").open())
    made = desk.reserve(ticket, "acme-2")
    assert refusal_of(take_transfer_request, document=made.request()).code == "documents.not-accepted"


def test_an_unknown_unit_cannot_ask(desk: Desk) -> None:
    stranger = desk.maker.unit("nobody-1")
    assert refusal_of(take_transfer_request, document=stranger.request()).code == "documents.not-accepted"


# --- release ------------------------------------------------------------------------------------------------


def test_before_receipt_no_code_releases_anything(desk: Desk) -> None:
    ticket, _, _ = desk.to_ready(desk.site("acme"))
    desk.ship(ticket)
    given = {"request_digest": digest_of(desk, ticket), "code": "0000-0000-0000"}
    assert refusal_of(collect_transfer, **given).code == "transfers.not-released"
    assert refusal_of(collect_transfer, **{**given, "code": ""}).code == "transfers.not-released"


def test_every_refusal_to_release_is_the_same(desk: Desk) -> None:
    ticket, _, _, code = desk.to_released(desk.site("acme"))
    digest = digest_of(desk, ticket)
    cases = [
        refusal_of(collect_transfer, request_digest="unknown", code=code),
        refusal_of(collect_transfer, request_digest=digest, code="wrong"),
        *(refusal_of(collect_transfer, request_digest=digest, code="wrong") for _ in range(MAX_ATTEMPTS)),
        refusal_of(collect_transfer, request_digest=digest, code=code),
    ]
    assert {(r.code, str(r.facts)) for r in cases} == {("transfers.not-released", "{}")}


def test_after_five_wrong_codes_the_right_one_is_void_and_a_new_one_works(desk: Desk) -> None:
    site = desk.site("acme")
    ticket, _, transfer, code = desk.to_released(site)
    digest = digest_of(desk, ticket)
    for _ in range(MAX_ATTEMPTS):
        refusal_of(collect_transfer, request_digest=digest, code="wrong")
    assert refusal_of(collect_transfer, request_digest=digest, code=code).code == "transfers.not-released"
    send_new_code(actor=SYSTEM, ticket=ticket)
    fresh = desk.code(ticket)
    assert refusal_of(collect_transfer, request_digest=digest, code=code).code == "transfers.not-released"
    assert collect_transfer(request_digest=digest, code=fresh) == transfer


def test_a_right_code_works_again_until_the_keys_are_installed(desk: Desk) -> None:
    """The unit may crash between fetching and keeping; afterwards the code is worth nothing."""
    ticket, fresh, transfer, code = desk.to_released(desk.site("acme"))
    digest = digest_of(desk, ticket)
    assert [collect_transfer(request_digest=digest, code=code) for _ in range(9)] == [transfer] * 9
    take_installation(document=fresh.install(transfer))
    assert refusal_of(collect_transfer, request_digest=digest, code=code).code == "transfers.not-released"


def test_the_code_is_hashed_at_rest_and_mailed_to_the_contact_alone(desk: Desk) -> None:
    site = desk.site("acme")
    ticket, _, _, code = desk.to_released(site)
    attempt = desk.attempt(ticket)
    assert check_password(normal_code(code), attempt.code_digest)
    rows = str(list(Attempt.objects.values())) + str(list(Job.objects.values()))
    assert code not in rows
    assert normal_code(code) not in rows
    assert mail.outbox[-1].to == [site.contact.email]


def test_codes_are_random_and_read_as_people_type_them() -> None:
    codes = {new_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert all(CODE.fullmatch(code) for code in codes)
    assert normal_code(" o1il-0000 zzzz\n") == "01110000ZZZZ"


def test_a_code_mailed_by_a_job_that_runs_twice_is_the_last_one(desk: Desk) -> None:
    ticket, _, transfer, first = desk.to_released(desk.site("acme"))
    second = desk.code(ticket)
    digest = digest_of(desk, ticket)
    assert refusal_of(collect_transfer, request_digest=digest, code=first).code == "transfers.not-released"
    assert collect_transfer(request_digest=digest, code=second) == transfer


def test_no_code_is_made_for_a_ticket_that_moved_on(desk: Desk) -> None:
    ticket, _, _ = desk.to_installed(desk.site("acme"))
    refusal = refusal_of(send_release_code, ctx=Context(ticket=str(ticket.pk)))
    assert refusal.code == "tickets.move-not-allowed"


# --- installation and report --------------------------------------------------------------------------------


def test_an_installation_is_taken_once_and_the_same_again_is_the_same(desk: Desk) -> None:
    ticket, fresh, transfer, _ = desk.to_released(desk.site("acme"))
    text = fresh.install(transfer)
    assert take_installation(document=text).state == "installed"
    assert take_installation(document=text).state == "installed"
    assert ticket.timeline.filter(state="installed").count() == 1


def test_before_receipt_was_confirmed_no_installation_is_taken(desk: Desk) -> None:
    ticket, fresh, transfer = desk.to_ready(desk.site("acme"))
    desk.ship(ticket)
    refusal = refusal_of(take_installation, document=fresh.install(transfer))
    assert refusal.code == "tickets.move-not-allowed"
    ticket.refresh_from_db()
    assert ticket.state == "shipped"


def test_the_receipt_of_another_unit_or_ticket_is_not_accepted(desk: Desk) -> None:
    _, _, transfer, _ = desk.to_released(desk.site("acme"))
    other = desk.unit("other-9")[0]
    with pytest.raises(Refusal) as refusal:
        take_installation(document=other.install(transfer))
    assert refusal.value.code == "documents.refused"


def test_after_a_reissue_the_old_units_receipt_is_not_accepted(desk: Desk) -> None:
    ticket, fresh, transfer, _ = desk.to_released(desk.site("acme"))
    reissue_ticket(actor=desk.by_clerk, ticket=ticket, reason="lost", unit="lost")
    assert refusal_of(take_installation, document=fresh.install(transfer)).code == "documents.not-accepted"


def test_a_report_is_taken_from_the_unit_that_installed_alone(desk: Desk) -> None:
    site, other = desk.site("acme"), desk.site("bell")
    ticket, fresh, transfer = desk.to_installed(site)
    foreign = other.unit.report(site.owner, str(ticket.pk), transfer)
    assert refusal_of(take_report, document=foreign).code == "documents.not-accepted"
    wrong = fresh.report(other.owner, str(ticket.pk), transfer)
    assert refusal_of(take_report, document=wrong).code == "documents.not-accepted"
    text = fresh.report(site.owner, str(ticket.pk), transfer)
    assert take_report(document=text).state == "restored"
    assert take_report(document=text).state == "restored"


# --- close-out ----------------------------------------------------------------------------------------------


def test_a_ticket_closes_only_with_every_point_shown(desk: Desk) -> None:
    ticket, _ = desk.to_restored(desk.site("acme"), finish=False)
    refusal = refusal_of(close_ticket, actor=desk.by_clerk, ticket=ticket)
    assert refusal.code == "tickets.closeout-incomplete"
    assert refusal.facts["open"] == [
        "No new value is lodged and drilled yet.",
        "No head of a new image is lodged yet.",
    ]
    ticket.refresh_from_db()
    assert ticket.state == "restored"
    assert ticket.source_unit.withdrawn_reason == "failed"


def test_the_event_log_of_a_whole_journey_verifies(desk: Desk) -> None:
    ticket, _ = desk.to_restored(desk.site("acme"))
    close_ticket(actor=desk.by_clerk, ticket=ticket)
    verdict = verify_chain()
    assert verdict.ok
    assert verdict.events > 20


# --- mail ---------------------------------------------------------------------------------------------------


def test_every_step_a_contact_waits_for_is_mailed_by_the_worker(desk: Desk) -> None:
    site = desk.site("acme")
    ticket, _ = desk.to_restored(site)
    close_ticket(actor=desk.by_clerk, ticket=ticket)
    told = [job.params["what"] for job in Job.objects.filter(kind="rma.notice").order_by("created_at")]
    assert told == [
        "submitted",
        "accepted",
        "approved",
        "ready",
        "shipped",
        "installed",
        "restored",
        "closed",
    ]
    for what in told:
        send_notice(Context(ticket=str(ticket.pk), what=what))  # type: ignore[arg-type]
    assert {tuple(message.to) for message in mail.outbox[-len(told) :]} == {(site.contact.email,)}


def test_mail_goes_into_files_when_no_server_is_set(desk: Desk, tmp_path: Path) -> None:
    backend = "django.core.mail.backends.filebased.EmailBackend"
    ticket = desk.site("acme").open()
    with override_settings(EMAIL_BACKEND=backend, EMAIL_FILE_PATH=str(tmp_path)):
        send_notice(Context(ticket=str(ticket.pk), what="submitted"))  # type: ignore[arg-type]
    (file,) = tmp_path.iterdir()
    assert re.search(rf"Subject: Ticket {ticket.number}", file.read_text())


@pytest.mark.parametrize(("carrier", "tracking"), [("", "T1"), ("Post", " ")])
def test_a_shipment_without_carrier_or_tracking_is_refused(desk: Desk, carrier: str, tracking: str) -> None:
    ticket, _, _ = desk.to_ready(desk.site("acme"))
    given = {"actor": SYSTEM, "ticket": ticket, "carrier": carrier, "tracking": tracking}
    assert refusal_of(ship_ticket, **given).code == "tickets.shipment-incomplete"
    ticket.refresh_from_db()
    assert ticket.state == "ready"


def test_a_receipt_without_an_address_for_the_code_is_refused(desk: Desk) -> None:
    site = desk.site("acme")
    ticket, _, _ = desk.to_ready(site)
    desk.ship(ticket)
    ticket.contact_email = site.customer.contact_email = ticket.customer.contact_email = ""
    assert refusal_of(confirm_receipt, actor=SYSTEM, ticket=ticket).code == "tickets.no-contact"
    assert desk.attempt(ticket).received_at is None


def test_a_refusal_without_a_reason_is_refused(desk: Desk) -> None:
    ticket = desk.site("acme").open()
    refusal = refusal_of(refuse_ticket, actor=SYSTEM, ticket=ticket, reason="")
    assert refusal.code == "tickets.reason-missing"


def test_confirming_the_receipt_twice_is_refused(desk: Desk) -> None:
    site = desk.site("acme")
    ticket, _, _, _ = desk.to_released(site)
    refusal = refusal_of(confirm_receipt, actor=SYSTEM, ticket=ticket)
    assert refusal.code == "tickets.move-not-allowed"
    assert Job.objects.filter(kind="rma.release-code").count() == 1
