"""A recovery: what custody refuses, what it makes, and that it makes it once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from manufacturer.custody import people
from manufacturer.custody.engine import gates, ledger
from manufacturer.custody.engine import handle as handling
from manufacturer.custody.errors import NotBelieved
from manufacturer.custody.keyholder import KeyHolder
from manufacturer.custody.models import Barred, Counter, LedgerRow, Nonce, Request, TransferMade
from sealing.backupkey import BackupKey
from sealing.claims import Party, Person, Source
from sealing.documents import ledger as ledger_document
from sealing.documents import ticket as ticket_document
from sealing.jose import peek
from tests.support.maker import REFUSED, Ask, Loss, Maker, now

Spoil = Callable[[Loss], dict[str, Any]]


def reason_of_last() -> str:
    return str(Request.objects.order_by("-created_at").values_list("inner_reason", flat=True)[0])


def flip(text: str, part: int, at: int = 7) -> str:
    """One character of one part exchanged for another of the alphabet."""
    parts = text.split(".")
    other = "A" if parts[part][at] != "A" else "B"
    parts[part] = parts[part][:at] + other + parts[part][at + 1 :]
    return ".".join(parts)


def with_ticket(loss: Loss, **changes: Any) -> dict[str, Any]:
    return loss.recovery(**changes)


def unlodged_with_two(loss: Loss) -> dict[str, Any]:
    return loss.recovery(lodged=False)


def by_opener(loss: Loss) -> dict[str, Any]:
    return loss.recovery(opened_by=Person(id="bea", name="bea"))


def by_editor(loss: Loss) -> dict[str, Any]:
    return loss.recovery(edited_by=(Person(id="carl", name="carl"),))


def twice_by_one(loss: Loss) -> dict[str, Any]:
    return loss.recovery(approvers=("bea", "bea"))


def by_one(loss: Loss) -> dict[str, Any]:
    return loss.recovery(approvers=("bea",))


def by_nobody(loss: Loss) -> dict[str, Any]:
    return loss.recovery(approvers=())


def by_custodian(loss: Loss) -> dict[str, Any]:
    return loss.recovery(approvers=("bea", "emil"))


def by_stranger(loss: Loss) -> dict[str, Any]:
    documents = loss.recovery(approvers=("bea",))
    stranger = loss.maker.desk_key  # the key a hostile desk does have
    documents["approvals"].append(loss.maker.approve(documents["ticket"], "carl", signer=stranger))
    return documents


def with_anothers_key(loss: Loss) -> dict[str, Any]:
    documents = loss.recovery(approvers=("bea",))
    bea = loss.maker.people["bea"]
    documents["approvals"].append(loss.maker.approve(documents["ticket"], "carl", signer=bea))
    return documents


def edited_since(loss: Loss) -> dict[str, Any]:
    request = loss.new.request()
    before = loss.recovery(request=request)
    after = loss.recovery(request=request, id=peek(before["ticket"]).claims["id"], reason="another reason")
    return {**after, "approvals": before["approvals"]}


def expired(loss: Loss) -> dict[str, Any]:
    return loss.recovery(iat=now() - 100, exp=now() - 1)


def other_kind(loss: Loss) -> dict[str, Any]:
    return loss.recovery(kind="key-copy")


def stolen(loss: Loss) -> dict[str, Any]:
    return loss.recovery(source=_source(loss, "stolen"))


def tampered(loss: Loss) -> dict[str, Any]:
    return loss.recovery(source=_source(loss, "tampered"))


def in_service(loss: Loss) -> dict[str, Any]:
    return loss.recovery(source=_source(loss, "in-service"))


def _source(loss: Loss, ended: str) -> Source:
    return Source(
        serial=loss.old.serial, certificate=loss.old.certificate.thumbprint, ended=ended, ended_at=now()
    )


def another_identity_of_the_source(loss: Loss) -> dict[str, Any]:
    twin = loss.maker.unit(loss.old.serial)
    source = Source(
        serial=twin.serial, certificate=twin.certificate.thumbprint, ended="failed", ended_at=now()
    )
    return loss.recovery(source=source)


def to_the_source(loss: Loss) -> dict[str, Any]:
    return loss.recovery(target=loss.old)


def other_customer(loss: Loss) -> dict[str, Any]:
    return loss.recovery(customer=Party(id=str(uuid.uuid4()), name="mallory"))


def other_appliance(loss: Loss) -> dict[str, Any]:
    return loss.recovery(appliance=Party(id=str(uuid.uuid4()), name="another"))


def another_value(loss: Loss) -> dict[str, Any]:
    other = loss.old.value(loss.owner, BackupKey.generate(2))
    return {**loss.recovery(), "values": [other]}


def one_value_more(loss: Loss) -> dict[str, Any]:
    other = loss.old.value(loss.owner, BackupKey.generate(2))
    documents = loss.recovery()
    return {**documents, "values": [*documents["values"], other]}


def without_receipt(loss: Loss) -> dict[str, Any]:
    return {**loss.recovery(), "receipts": []}


def receipt_of_another_value(loss: Loss) -> dict[str, Any]:
    other = loss.old.value(loss.owner, BackupKey.generate(2))
    return {**loss.recovery(), "receipts": [loss.maker.receipt(loss.owner, other)]}


def request_of_another_unit(loss: Loss) -> dict[str, Any]:
    return {**loss.recovery(), "request": loss.maker.unit("other-9").request()}


def another_request_of_the_unit(loss: Loss) -> dict[str, Any]:
    return {**loss.recovery(), "request": loss.new.request()}


def record_of_another_unit(loss: Loss) -> dict[str, Any]:
    return {**loss.recovery(), "device_record": loss.maker.unit("other-9").record}


def record_by_another_factory(loss: Loss) -> dict[str, Any]:
    return {**loss.recovery(), "device_record": Maker().unit(loss.new.serial).record}


def ticket_by_another_desk(loss: Loss) -> dict[str, Any]:
    documents = loss.recovery()
    claims = ticket_document.read(documents["ticket"], loss.maker.trust)
    return {**documents, "ticket": ticket_document.issue(claims, Maker().desk_signer)}


def altered_value(loss: Loss) -> dict[str, Any]:
    return {**loss.recovery(), "values": [flip(loss.value, 1)]}


def altered_approval(loss: Loss) -> dict[str, Any]:
    documents = loss.recovery()
    documents["approvals"][1] = flip(documents["approvals"][1], 2)
    return documents


def head_left_out(loss: Loss) -> dict[str, Any]:
    documents = loss.recovery(heads=[loss.old.head(loss.owner, str(uuid.uuid4()), 4)])
    return {**documents, "heads": []}


def head_of_another(loss: Loss) -> dict[str, Any]:
    other = Loss(loss.maker, "other")
    return loss.recovery(heads=[other.old.head(other.owner, str(uuid.uuid4()), 4)])


def empty(loss: Loss) -> dict[str, Any]:
    return {}


def numbers(loss: Loss) -> dict[str, Any]:
    return dict.fromkeys(loss.recovery(), 7)


def texts_for_lists(loss: Loss) -> dict[str, Any]:
    return {**loss.recovery(), "approvals": "x.y.z", "values": "x.y.z"}


def endless(loss: Loss) -> dict[str, Any]:
    return {**loss.recovery(), "values": [loss.value] * 65}


SPOILED: tuple[tuple[Spoil, str], ...] = (
    (unlodged_with_two, "binding.too-few"),
    (by_opener, "binding.own-act"),
    (by_editor, "binding.own-act"),
    (twice_by_one, "binding.same-person"),
    (by_one, "binding.too-few"),
    (by_nobody, "binding.too-few"),
    (by_custodian, "chain.not-approver"),
    (by_stranger, "chain.not-on-roster"),
    (with_anothers_key, "binding.person"),
    (edited_since, "binding.document"),
    (expired, "binding.expired"),
    (other_kind, "ticket.kind"),
    (stolen, "source.ended"),
    (tampered, "source.ended"),
    (in_service, "source.ended"),
    (another_identity_of_the_source, "values.other-identity"),
    (to_the_source, "source.is-target"),
    (other_customer, "binding.customer"),
    (other_appliance, "binding.appliance"),
    (another_value, "values.differ"),
    (one_value_more, "values.differ"),
    (without_receipt, "receipts.missing"),
    (receipt_of_another_value, "receipts.missing"),
    (request_of_another_unit, "binding.device"),
    (another_request_of_the_unit, "target.differs"),
    (record_of_another_unit, "binding.device"),
    (record_by_another_factory, "chain.not-issued"),
    (ticket_by_another_desk, "chain.unknown-key"),
    (altered_value, "signature.does-not-fit"),
    (altered_approval, "signature.does-not-fit"),
    (head_left_out, "heads.differ"),
    (head_of_another, "heads.owner"),
    (empty, "documents.shape"),
    (numbers, "documents.shape"),
    (texts_for_lists, "documents.shape"),
    (endless, "documents.shape"),
)


@pytest.mark.parametrize(("spoil", "reason"), SPOILED, ids=[s.__name__ for s, _ in SPOILED])
def test_a_spoiled_recovery_gets_the_one_answer_and_opens_nothing(
    loss: Loss, ask: Ask, spoil: Spoil, reason: str
) -> None:
    assert ask("recover", spoil(loss)) == REFUSED
    assert reason_of_last() == reason
    assert gates.openings() == 0
    assert not TransferMade.objects.exists()
    assert not LedgerRow.objects.exists()


def test_a_value_sealed_to_a_key_that_is_not_held_opens_nothing(loss: Loss, ask: Ask) -> None:
    other = loss.old.value(loss.owner, loss.key, loss.maker.unheld.public.thumbprint)
    assert ask("recover", loss.recovery(values=[other])) == REFUSED
    assert (reason_of_last(), gates.openings()) == ("authority.not-held", 0)


def test_of_two_values_of_one_key_the_one_that_is_held_is_opened(loss: Loss, ask: Ask) -> None:
    other = loss.old.value(loss.owner, loss.key, loss.maker.unheld.public.thumbprint)
    documents = loss.recovery(values=[other, loss.value])
    (key,) = loss.opened(ask("recover", documents)["transfer"], documents)
    assert key.secret == loss.key.secret
    assert gates.openings() == 1


def test_a_value_whose_seal_holds_another_key_is_refused_with_intent_and_result_in_the_ledger(
    loss: Loss, ask: Ask, maker: Maker
) -> None:
    """The unit lied about its commitment: only opening shows it, and that opening stays on record."""
    lying = BackupKey(loss.key.key_id, 1, "symmetric", BackupKey.generate(1).secret)
    lying.__dict__["commitment"] = loss.key.commitment
    documents = loss.recovery(values=[loss.old.value(loss.owner, lying)])
    assert ask("recover", documents) == REFUSED
    assert reason_of_last().startswith("opening.")
    entries = [ledger_document.read(r.document, maker.trust) for r in LedgerRow.objects.all()]
    assert [(e.kind, e.phase, e.outcome) for e in entries] == [
        ("recover", "intent", "begun"),
        ("recover", "result", "refused"),
    ]
    assert not TransferMade.objects.exists()


def test_the_replacement_gets_the_key_and_nobody_else_can_open_the_transfer(loss: Loss, ask: Ask) -> None:
    documents = loss.recovery()
    reply = ask("recover", documents)
    (key,) = loss.opened(reply["transfer"], documents)
    assert key.secret == loss.key.secret
    assert key.secret.reveal() not in reply["transfer"].encode()
    assert TransferMade.objects.get().state == "live"
    assert Nonce.objects.count() == 1


def test_values_of_three_epochs_come_back_in_one_transfer(loss: Loss, ask: Ask) -> None:
    keys = [BackupKey.generate(epoch) for epoch in (1, 2, 3)]
    documents = loss.recovery(values=[loss.old.value(loss.owner, key) for key in keys])
    opened = loss.opened(ask("recover", documents)["transfer"], documents)
    assert [key.secret for key in opened] == [key.secret for key in keys]
    assert gates.openings() == 3


def test_an_unlodged_value_opens_with_a_third_approval(loss: Loss, ask: Ask) -> None:
    documents = loss.recovery(lodged=False, approvers=("bea", "carl", "dora"))
    assert loss.opened(ask("recover", documents)["transfer"], documents)[0].secret == loss.key.secret


def test_heads_travel_on_in_the_transfer(loss: Loss, ask: Ask, maker: Maker) -> None:
    text = loss.old.head(loss.owner, str(uuid.uuid4()), 4)
    reply = ask("recover", loss.recovery(heads=[text]))
    assert peek(reply["transfer"]).header["heads"] == [maker.head_reference(text).to_json()]


def test_the_same_documents_again_make_no_second_transfer(loss: Loss, ask: Ask) -> None:
    documents = loss.recovery()
    first = ask("recover", documents)
    answers = [ask("recover", documents) for _ in range(20)]
    assert first["outcome"] == "done"
    assert answers == [REFUSED] * 20
    assert TransferMade.objects.count() == 1
    assert gates.openings() == 1


def test_the_same_request_delivered_again_keeps_its_one_answer(loss: Loss, keys: KeyHolder) -> None:
    row = Request.objects.create(id=uuid.uuid4(), kind="recover", documents=loss.recovery())
    handling.handle_request(str(row.pk), keys)
    row.refresh_from_db()
    first = row.reply
    assert [handling.handle_request(str(row.pk), keys) for _ in range(5)] == ["answered"] * 5
    row.refresh_from_db()
    assert row.reply == first
    assert gates.openings() == 1


def test_another_ticket_over_a_used_request_is_refused(loss: Loss, ask: Ask) -> None:
    request = loss.new.request()
    assert ask("recover", loss.recovery(request=request))["outcome"] == "done"
    assert ask("recover", loss.recovery(request=request)) == REFUSED
    assert reason_of_last() == "nonce.used"


def test_a_second_attempt_waits_until_the_first_is_void(loss: Loss, ask: Ask, maker: Maker) -> None:
    first = loss.recovery()
    ticket_id = peek(first["ticket"]).claims["id"]
    assert ask("recover", first)["outcome"] == "done"
    second = loss.recovery(id=ticket_id, attempt=2)
    assert ask("recover", second) == REFUSED
    assert reason_of_last() == "attempt.another-live"
    assert ask("void", maker.void(loss.owner, ticket_id)) == {"outcome": "done"}
    assert ask("recover", second)["outcome"] == "done"
    assert sorted(TransferMade.objects.values_list("attempt", "state")) == [(1, "void"), (2, "live")]


def test_a_voided_attempt_never_gets_a_transfer(loss: Loss, ask: Ask, maker: Maker) -> None:
    documents = loss.recovery()
    ticket_id = peek(documents["ticket"]).claims["id"]
    assert ask("void", maker.void(loss.owner, ticket_id)) == {"outcome": "done"}
    assert ask("recover", documents) == REFUSED
    assert (reason_of_last(), gates.openings()) == ("attempt.decided", 0)


def test_a_void_notice_by_anybody_but_the_front_desk_voids_nothing(loss: Loss, ask: Ask) -> None:
    documents = loss.recovery()
    ticket_id = peek(documents["ticket"]).claims["id"]
    assert ask("recover", documents)["outcome"] == "done"
    assert ask("void", Maker().void(loss.owner, ticket_id)) == REFUSED
    assert TransferMade.objects.get().state == "live"


@pytest.mark.parametrize("attempt", [0])
def test_a_void_notice_of_no_attempt_is_refused(loss: Loss, ask: Ask, maker: Maker, attempt: int) -> None:
    assert ask("void", maker.void(loss.owner, str(uuid.uuid4()), attempt)) == REFUSED


def test_a_barred_identity_is_refused_wherever_it_stands(loss: Loss, ask: Ask) -> None:
    Barred.objects.create(kind="identity", name=loss.old.certificate.thumbprint, reason="stolen")
    assert ask("recover", loss.recovery()) == REFUSED
    assert (reason_of_last(), gates.openings()) == ("barred.identity", 0)


def test_a_barred_key_is_refused(loss: Loss, ask: Ask) -> None:
    Barred.objects.create(kind="key", name=loss.key.key_id, reason="erased")
    assert ask("recover", loss.recovery()) == REFUSED
    assert (reason_of_last(), gates.openings()) == ("barred.key", 0)


def test_a_withdrawn_identity_opens_and_drills_nothing_until_a_custodian_lifts_it(
    loss: Loss, ask: Ask, maker: Maker, keys: KeyHolder
) -> None:
    emil = maker.roster_people()[-1]
    assert ask("withdraw", maker.withdrawal(loss.old)) == {"outcome": "done"}
    assert ask("recover", loss.recovery()) == REFUSED
    assert ask("drill", {"request": loss.new.drill(loss.owner, loss.value)}) == REFUSED
    assert gates.openings() == 0
    assert people.lift("identity", loss.old.certificate.thumbprint, emil, keys)
    assert ask("recover", loss.recovery())["outcome"] == "done"


def test_a_bar_that_a_person_set_is_never_lifted(loss: Loss, ask: Ask, maker: Maker, keys: KeyHolder) -> None:
    bea, emil = maker.roster_people()[0], maker.roster_people()[-1]
    name = loss.old.certificate.thumbprint
    ask("withdraw", maker.withdrawal(loss.old))
    people.bar("identity", name, "stolen, seen myself", bea, keys)
    ask("withdraw", maker.withdrawal(loss.old))
    assert not people.lift("identity", name, emil, keys)
    assert ask("recover", loss.recovery()) == REFUSED


def test_a_withdrawal_by_anybody_but_the_front_desk_bars_nothing(loss: Loss, ask: Ask) -> None:
    assert ask("withdraw", Maker().withdrawal(loss.old)) == REFUSED
    assert not Barred.objects.exists()


def test_after_the_cap_even_a_good_recovery_waits_for_a_custodian(loss: Loss, ask: Ask) -> None:
    for _ in range(gates.REFUSED_CAP):
        ask("recover", by_one(loss))
    good = loss.recovery()
    assert ask("recover", good) == REFUSED
    assert (reason_of_last(), gates.openings()) == ("cap.customer", 0)
    assert gates.release(f"customer:{loss.owner.id}")
    assert ask("recover", good)["outcome"] == "done"


def test_the_counter_of_all_openings_cannot_be_released(loss: Loss, ask: Ask) -> None:
    ask("recover", loss.recovery())
    assert not gates.release(gates.OPENINGS)
    assert gates.openings() == 1


def test_a_crash_between_intent_and_result_leaves_the_intent_and_is_taken_up(
    loss: Loss, keys: KeyHolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = loss.recovery()
    row = Request.objects.create(id=uuid.uuid4(), kind="recover", documents=documents)

    def crash(*args: Any, **kwargs: Any) -> str:
        raise OSError("power cut")

    monkeypatch.setattr("manufacturer.custody.engine.handle.transfer.issue", crash)
    with pytest.raises(OSError, match="power cut"):
        handling.handle_request(str(row.pk), keys)
    monkeypatch.undo()
    assert [r.sequence for r in LedgerRow.objects.all()] == [1]
    assert not TransferMade.objects.exists()
    handling.handle_request(str(row.pk), keys)
    row.refresh_from_db()
    assert row.reply is not None
    assert loss.opened(row.reply["transfer"], documents)[0].secret == loss.key.secret
    assert LedgerRow.objects.count() == 3
    assert ledger.verify() == []


def test_a_race_that_passes_every_check_is_stopped_by_the_constraints(
    loss: Loss, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers that both read 'fresh' before either wrote: the store itself lets one through."""
    documents = loss.recovery()
    assert ask("recover", documents)["outcome"] == "done"
    monkeypatch.setattr(gates, "check_attempt_free", lambda *_: None)
    monkeypatch.setattr(gates, "check_nonce_fresh", lambda *_: None)
    assert ask("recover", documents) == REFUSED
    assert reason_of_last() == "constraint"
    assert TransferMade.objects.count() == 1


def test_the_store_itself_refuses_two_live_transfers_of_a_ticket(loss: Loss) -> None:
    TransferMade.objects.create(
        ticket="t", attempt=1, state="live", request_digest="a", target="x", document="d"
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        TransferMade.objects.create(
            ticket="t", attempt=2, state="live", request_digest="b", target="x", document="d"
        )


def test_no_answer_and_no_row_holds_the_key(loss: Loss, ask: Ask) -> None:
    ask("recover", loss.recovery())
    secret = loss.key.secret.reveal()
    texts = [
        str(list(model.objects.values())) for model in (Request, TransferMade, LedgerRow, Nonce, Counter)
    ]
    assert [text for text in texts if secret.hex() in text] == []


def test_an_unknown_request_id_is_nothing(keys: KeyHolder, maker: Maker) -> None:
    assert handling.handle_request(str(uuid.uuid4()), keys) == "unknown"


def test_not_believed_carries_its_reason() -> None:
    assert NotBelieved("nonce.used").reason == "nonce.used"
