"""What units lodge and ask, what custody answers, and the mirror of its ledger."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from audit.actor import Actor
from audit.models import Event
from ground.refusals import Refusal
from jobs.models import Job
from manufacturer.escrow.actions.answer_request import answer_request
from manufacturer.escrow.actions.ask_drill import ask_drill
from manufacturer.escrow.actions.lodge_head import lodge_head
from manufacturer.escrow.actions.lodge_value import lodge_value
from manufacturer.escrow.actions.mirror_ledger import mirror_ledger
from manufacturer.escrow.models import CustodyRequest, Drill, LedgerEntry, LodgedHead, LodgedValue
from manufacturer.escrow.selectors import ledger_for, ledger_state, openings_of
from manufacturer.registry.actions.report_end import report_end
from manufacturer.registry.models import Unit
from sealing.backupkey import BackupKey
from sealing.documents import ledger, receipt, withdrawal
from sealing.encoding import digest_of
from tests.support.desk import SYSTEM, Desk, Site
from tests.support.maker import Maker, Owner, now

CUSTODY = Actor.system("custody")


def code_of(action: Any, **given: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        action(**given)
    return refusal.value.code


# --- values -------------------------------------------------------------------------------------------------


def test_a_value_is_lodged_for_a_receipt_of_the_front_desk(desk: Desk) -> None:
    site = desk.site("acme")
    found = receipt.read(site.lodged.receipt, desk.maker.trust)
    found.require_for(site.value)
    assert (found.serial, found.customer, found.iat) == (
        "acme-1",
        site.owner.id,
        int(site.lodged.lodged_at.timestamp()),
    )
    assert site.row.state == Unit.State.IN_SERVICE


def test_the_same_value_again_gives_the_same_receipt(desk: Desk) -> None:
    site = desk.site("acme")
    assert lodge_value(document=f"  {site.value}\n").receipt == site.lodged.receipt
    assert LodgedValue.objects.count() == 1


def test_a_value_that_names_another_owner_than_the_registry_is_not_accepted(desk: Desk) -> None:
    site, other = desk.site("acme"), desk.site("bell")
    key = BackupKey.generate(1)
    for owner in (
        other.owner,
        Owner("acme", site.owner.id),
        Owner("acme", str(uuid.uuid4()), site.owner.appliance),
    ):
        assert code_of(lodge_value, document=site.unit.value(owner, key)) == "documents.not-accepted"


def test_a_value_of_a_unit_nobody_enrolled_is_not_accepted(desk: Desk) -> None:
    site = desk.site("acme")
    stranger = desk.maker.unit("acme-1")
    text = stranger.value(site.owner, BackupKey.generate(1))
    assert code_of(lodge_value, document=text) == "documents.not-accepted"


@pytest.mark.parametrize("how", ["failed", "tampered", "stolen"])
def test_a_unit_that_ended_lodges_nothing_new(desk: Desk, how: str) -> None:
    site = desk.site("acme")
    report_end(actor=SYSTEM, unit=site.row, how=how)
    fresh = site.unit.value(site.owner, BackupKey.generate(2))
    assert code_of(lodge_value, document=fresh) == "documents.not-accepted"
    assert (
        code_of(lodge_head, document=site.unit.head(site.owner, site.target, 9)) == "documents.not-accepted"
    )
    assert code_of(ask_drill, document=site.unit.drill(site.owner, site.value)) == "documents.not-accepted"
    assert lodge_value(document=site.value).receipt == site.lodged.receipt


def test_a_value_by_another_factory_is_refused_for_its_chain(desk: Desk) -> None:
    site, other = desk.site("acme"), Maker()
    with pytest.raises(Refusal) as refusal:
        lodge_value(document=other.unit("acme-1").value(site.owner, BackupKey.generate(1)))
    assert refusal.value.facts["fault"] == "chain.not-issued"


@pytest.mark.parametrize(("how", "told"), [("failed", 0), ("tampered", 1), ("stolen", 1)])
def test_custody_is_told_of_identities_that_are_good_for_nothing(desk: Desk, how: str, told: int) -> None:
    site = desk.site("acme")
    report_end(actor=SYSTEM, unit=site.row, how=how)
    notices = [withdrawal.read(r.documents["notice"], desk.maker.trust) for r in CustodyRequest.objects.all()]
    expected = [(site.row.serial, site.row.certificate_thumbprint, how)] * told
    assert [(n.serial, n.certificate, n.reason) for n in notices] == expected


# --- heads --------------------------------------------------------------------------------------------------


def test_a_head_moves_forward_and_never_back(desk: Desk) -> None:
    site = desk.site("acme")
    lodge_head(document=site.unit.head(site.owner, site.target, 7))
    for sequence in (0, 3, 6):
        older = site.unit.head(site.owner, site.target, sequence)
        assert code_of(lodge_head, document=older) == "heads.backward"
    assert LodgedHead.objects.get().sequence == 7


def test_the_same_head_again_gives_the_same_receipt(desk: Desk) -> None:
    desk.site("acme")
    row = LodgedHead.objects.get()
    assert lodge_head(document=row.document).receipt == row.receipt


def test_each_target_has_its_own_head(desk: Desk) -> None:
    site = desk.site("acme")
    lodge_head(document=site.unit.head(site.owner, str(uuid.uuid4()), 1))
    assert sorted(LodgedHead.objects.values_list("sequence", flat=True)) == [1, 3]


def test_the_database_itself_keeps_one_head_a_target(desk: Desk) -> None:
    site = desk.site("acme")
    row = LodgedHead.objects.get()
    row.pk = uuid.uuid4()
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
    assert site.target == row.target_id


# --- drills -------------------------------------------------------------------------------------------------


def test_a_drill_is_asked_of_custody_and_its_proof_dates_the_value(desk: Desk) -> None:
    site = desk.site("acme")
    desk.drill(site.unit, site, site.value)
    drill = Drill.objects.get()
    assert (drill.state, bool(drill.proof)) == ("proven", True)
    assert LodgedValue.objects.get().proven_at == drill.answered_at


def test_the_same_drill_again_is_the_same_drill(desk: Desk) -> None:
    site = desk.site("acme")
    text = site.unit.drill(site.owner, site.value)
    assert ask_drill(document=text).pk == ask_drill(document=text).pk
    assert CustodyRequest.objects.count() == 1


def test_a_drill_of_another_customers_value_is_refused_before_custody(desk: Desk) -> None:
    mine, theirs = desk.site("acme"), desk.site("bell")
    with pytest.raises(Refusal) as refusal:
        ask_drill(document=mine.unit.drill(mine.owner, theirs.value))
    assert refusal.value.facts["fault"] == "binding.customer"
    assert (
        code_of(ask_drill, document=mine.unit.drill(theirs.owner, theirs.value)) == "documents.not-accepted"
    )
    assert not CustodyRequest.objects.exists()


def test_a_refused_drill_proves_nothing(desk: Desk) -> None:
    site = desk.site("acme")
    drill = ask_drill(document=site.unit.drill(site.owner, site.value))
    answer_request(actor=CUSTODY, request_id=drill.custody_request_id, reply={"outcome": "refused"})
    drill.refresh_from_db()
    assert (drill.state, drill.proof, LodgedValue.objects.get().proven_at) == ("refused", "", None)


# --- answers ------------------------------------------------------------------------------------------------


def test_an_answer_is_taken_once_and_the_same_again_is_the_same(desk: Desk) -> None:
    site = desk.site("acme")
    drill = ask_drill(document=site.unit.drill(site.owner, site.value))
    proof = desk.maker.proof(CustodyRequest.objects.get().documents["request"])
    given: dict[str, Any] = {"actor": CUSTODY, "request_id": drill.custody_request_id}
    for _ in range(3):
        answer_request(**given, reply={"outcome": "done", "proof": proof, "transfer": ""})
    assert code_of(answer_request, **given, reply={"outcome": "refused"}) == "custody.answer-differs"
    assert Drill.objects.get().state == "proven"


def test_an_answer_that_custody_did_not_sign_is_refused(desk: Desk) -> None:
    """Whoever holds the bearer token alone can post nothing that counts."""
    site = desk.site("acme")
    drill = ask_drill(document=site.unit.drill(site.owner, site.value))
    other = Maker()
    own = other.unit("acme-1")
    foreign = other.proof(own.drill(site.owner, own.value(site.owner, BackupKey.generate(1))))
    for proof in ("", "a.b.c", foreign):
        reply = {"outcome": "done", "proof": proof}
        given = {"actor": CUSTODY, "request_id": drill.custody_request_id, "reply": reply}
        assert code_of(answer_request, **given) == "documents.refused"
    assert Drill.objects.get().state == "waiting"


def test_the_answer_to_another_request_is_refused(desk: Desk) -> None:
    site = desk.site("acme")
    first = ask_drill(document=site.unit.drill(site.owner, site.value))
    second = ask_drill(document=site.unit.drill(site.owner, site.value))
    proof = desk.maker.proof(CustodyRequest.objects.get(pk=second.custody_request_id).documents["request"])
    given = {"actor": CUSTODY, "request_id": first.custody_request_id}
    assert (
        code_of(answer_request, **given, reply={"outcome": "done", "proof": proof})
        == "custody.answer-refused"
    )


def test_the_transfer_of_another_ticket_is_refused(desk: Desk) -> None:
    first, second = desk.accept(desk.site("acme").open()), desk.accept(desk.site("bell").open())
    for ticket, serial in ((first, "acme-2"), (second, "bell-2")):
        desk.reserve(ticket, serial)
        desk.approve(ticket, "bea", "carl")
    request = desk.attempt(second).custody_request
    assert request is not None
    foreign = desk.maker.transfer(request.documents)
    with pytest.raises(Refusal) as refusal:
        desk.custody_answers(first, outcome="done", transfer=foreign)
    assert refusal.value.code == "custody.answer-refused"
    first.refresh_from_db()
    assert first.state == "approved"


# --- ledger -------------------------------------------------------------------------------------------------


class Ledger:
    """Custody's ledger, written by hand."""

    def __init__(self, maker: Maker) -> None:
        self.maker, self.texts = maker, list[str]()

    def add(self, site: Site | None = None, **changes: Any) -> str:
        claims = {
            "sequence": len(self.texts) + 1,
            "previous": ledger.digest(self.texts[-1]) if self.texts else None,
            "iat": now(),
            "kind": "recover",
            "phase": "intent",
            "outcome": "begun",
            "request": None,
            "customer": site.owner.id if site else None,
            "subject": "a ticket",
            "values": (digest_of(b"v"),),
        } | changes
        text = ledger.issue(ledger.LedgerEntry(**claims), self.maker.custody_signer)
        self.texts.append(text)
        return text


def mirror(*texts: str) -> dict[str, str]:
    return mirror_ledger(actor=CUSTODY, entries=texts)


def test_entries_are_mirrored_and_countersigned(desk: Desk) -> None:
    site, book = desk.site("acme"), Ledger(desk.maker)
    signed = mirror(book.add(site), book.add(site, phase="result", outcome="done"))
    for sequence, text in enumerate(book.texts, start=1):
        digest = ledger.digest(text)
        ledger.read_countersignature(signed[digest], desk.maker.trust, sequence=sequence, entry=digest)
    assert ledger_state().whole
    assert LedgerEntry.objects.count() == 2


def test_the_same_entries_again_change_nothing(desk: Desk) -> None:
    book = Ledger(desk.maker)
    book.add()
    assert list(mirror(*book.texts)) == list(mirror(*book.texts))
    assert LedgerEntry.objects.count() == 1


def test_a_gap_a_fork_and_another_signer_are_refused(desk: Desk) -> None:
    book, other = Ledger(desk.maker), Ledger(desk.maker)
    mirror(book.add())
    fork = other.add(subject="another history")
    assert code_of(lambda: mirror(fork)) == "ledger.gap"
    book.add()
    assert code_of(lambda: mirror(book.add())) == "ledger.gap"
    assert code_of(lambda: mirror(Ledger(Maker()).add())) == "documents.refused"
    assert LedgerEntry.objects.count() == 1


def test_an_owner_sees_the_openings_of_their_own_values_only(desk: Desk) -> None:
    mine, theirs, book = desk.site("acme"), desk.site("bell"), Ledger(desk.maker)
    mirror(book.add(mine), book.add(theirs), book.add())
    assert [e.sequence for e in ledger_for(mine.contact)] == [1]
    assert [e.sequence for e in ledger_for(theirs.contact)] == [2]
    assert [e.sequence for e in ledger_for(desk.clerk)] == [1, 2, 3]


def test_the_openings_of_one_value_are_those_that_name_it(desk: Desk) -> None:
    mine, book = desk.site("acme"), Ledger(desk.maker)
    named = {"values": (mine.lodged.digest,), "kind": "drill"}
    mirror(book.add(mine), book.add(mine, **named), book.add(mine, **named, phase="result", outcome="done"))
    assert [e.sequence for e in openings_of(desk.clerk, mine.lodged)] == [3, 2]
    assert openings_of(desk.site("bell").contact, mine.lodged) == []


def test_an_opening_nobody_asked_for_alarms_its_owner(desk: Desk) -> None:
    site, book = desk.site("acme"), Ledger(desk.maker)
    mirror(book.add(site, request=str(uuid.uuid4())))
    job = Job.objects.get(kind="rma.opening")
    assert job.params["asked_for"] is False
    assert Event.objects.filter(action="ledger.opening-not-asked-for").count() == 1


def test_an_opening_for_a_ticket_is_told_and_is_no_alarm(desk: Desk) -> None:
    site, book = desk.site("acme"), Ledger(desk.maker)
    ticket = desk.accept(site.open())
    desk.reserve(ticket, "acme-2")
    desk.approve(ticket, "bea", "carl")
    mirror(book.add(site, request=str(desk.attempt(ticket).custody_request_id)))
    assert Job.objects.get(kind="rma.opening").params["asked_for"] is True
    assert not Event.objects.filter(action="ledger.opening-not-asked-for").exists()


def test_a_drill_that_was_asked_for_alarms_nobody(desk: Desk) -> None:
    site, book = desk.site("acme"), Ledger(desk.maker)
    drill = ask_drill(document=site.unit.drill(site.owner, site.value))
    mirror(book.add(site, kind="drill", request=str(drill.custody_request_id)))
    assert not Job.objects.filter(kind="rma.opening").exists()


def deleted(rows: QuerySet[LedgerEntry]) -> None:
    rows.delete()


def repointed(rows: QuerySet[LedgerEntry]) -> None:
    rows.update(previous="x")


@pytest.mark.parametrize("damage", [deleted, repointed])
def test_a_mirror_that_was_touched_shows_it(desk: Desk, damage: Callable[[Any], None]) -> None:
    book = Ledger(desk.maker)
    mirror(book.add(), book.add(), book.add())
    damage(LedgerEntry.objects.filter(sequence=2))
    state = ledger_state()
    assert (state.whole, bool(state.fault)) == (False, True)


def reworded(rows: QuerySet[LedgerEntry]) -> None:
    row = rows.get()
    rows.update(document=row.document[:-8] + row.document[-8:].swapcase())


def test_the_command_verifies_a_whole_mirror_and_names_its_head(desk: Desk) -> None:
    book, out = Ledger(desk.maker), StringIO()
    mirror(book.add(), book.add())
    call_command("verify_ledger", stdout=out)
    assert out.getvalue().strip() == f"2 entries, whole; head {ledger.digest(book.texts[-1])}"


@pytest.mark.parametrize("damage", [deleted, reworded])
def test_the_command_finds_a_mirror_that_was_touched(desk: Desk, damage: Callable[[Any], None]) -> None:
    book = Ledger(desk.maker)
    mirror(book.add(), book.add(), book.add())
    damage(LedgerEntry.objects.filter(sequence=2))
    with pytest.raises(CommandError, match="entry"):
        call_command("verify_ledger")
