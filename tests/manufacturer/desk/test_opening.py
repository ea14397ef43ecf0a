"""Opening a ticket: what the text shows is told precisely, what the registry knows only to whose it is."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from ground.refusals import Refusal
from manufacturer.escrow.actions.identify import identify
from manufacturer.escrow.actions.lodge_value import lodge_value
from manufacturer.registry.actions.report_end import report_end
from manufacturer.registry.actions.withdraw_identity import withdraw_identity
from manufacturer.registry.models import Unit
from manufacturer.rma.actions import open_ticket as opening
from manufacturer.rma.actions.cancel_ticket import cancel_ticket
from manufacturer.rma.actions.close_ticket import close_ticket
from manufacturer.rma.models import Ticket
from sealing import sheet
from sealing.backupkey import BackupKey
from sealing.content.header import ChainLink, FileRef, ImageHeader
from sealing.documents import image_header
from tests.support.desk import SYSTEM, Desk, Site
from tests.support.maker import Maker, Owner
from tests.support.maker import Unit as FactoryUnit


def code_of(site: Site, text: str, **given: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        site.open(text, **given)
    return refusal.value.code


def fault_of(site: Site, text: str) -> str:
    with pytest.raises(Refusal) as refusal:
        site.open(text)
    assert refusal.value.code == "documents.refused"
    return str(refusal.value.facts["fault"])


def header(unit: FactoryUnit, owner: Owner, values: list[str]) -> str:
    """The signed header of a backup image that carries `values`."""
    file = FileRef("0" * 64, 1)
    claims = ImageHeader(
        image=uuid.uuid4().hex,
        serial=unit.serial,
        customer=owner.id,
        appliance=owner.appliance,
        made_at=1_790_000_000,
        started_at=1_790_000_000,
        key_id="0" * 32,
        epoch=1,
        values=tuple(values),
        wrapped={},
        proof={"by": "drilled"},
        manifest=file,
        pack_list=file,
        packs=1,
        objects=1,
        content_bytes=1,
        stored_bytes=1,
        migrations={},
        release="1",
        chain=ChainLink(target=uuid.uuid4().hex, sequence=1, previous=None, parent=None),
    )
    return image_header.issue(claims, unit.signer)


# --- what the text alone shows ------------------------------------------------------------------------------


def test_an_altered_value_is_refused_for_its_signature(desk: Desk) -> None:
    site = desk.site("acme")
    head, body, signature = site.value.split(".")
    flipped = body[:20] + ("A" if body[20] != "A" else "B") + body[21:]
    assert fault_of(site, f"{head}.{flipped}.{signature}") == "signature.does-not-fit"


def test_a_value_of_an_unknown_root_is_refused_for_its_chain(desk: Desk) -> None:
    site, other = desk.site("acme"), Maker()
    stranger = other.unit("acme-1").value(site.owner, BackupKey.generate(1))
    assert fault_of(site, stranger) == "chain.not-issued"


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda v: v[: len(v) // 2], "encoding.compact"),
        (lambda v: "\ufeff" + v, "encoding.byte-order-mark"),
        (lambda v: v.rsplit(".", 1)[0] + ".", "encoding.compact"),
        (lambda v: v + "AAAA", "encoding.signature-length"),
        (lambda _: "hello", "encoding.compact"),
    ],
)
def test_a_malformed_value_is_refused_by_layer_and_reason(desk: Desk, spoil: Any, fault: str) -> None:
    site = desk.site("acme")
    assert fault_of(site, spoil(site.value)) == fault
    assert not Ticket.objects.exists()


def test_another_document_than_a_value_is_refused(desk: Desk) -> None:
    site = desk.site("acme")
    assert fault_of(site, site.unit.request()) == "header.type"


def test_nothing_is_no_value(desk: Desk) -> None:
    assert code_of(desk.site("acme"), "  \n ") == "tickets.no-value"


def test_more_values_than_a_ticket_document_can_name_are_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "MOST_VALUES", 2)
    site = desk.site("acme")
    more = [site.unit.value(site.owner, BackupKey.generate(epoch)) for epoch in (2, 3)]
    assert code_of(site, "\n".join([site.value, *more])) == "tickets.too-many-values"
    assert not Ticket.objects.exists()


def test_values_of_two_appliances_are_two_tickets(desk: Desk) -> None:
    site = desk.site("acme")
    other = Owner("acme", site.owner.id)
    text = f"{site.value}\n\n{site.unit.value(other, site.key)}"
    assert code_of(site, text) == "tickets.mixed-appliances"


# --- what the registry knows --------------------------------------------------------------------------------


def test_outsiders_get_one_answer_for_every_value_that_is_not_theirs(desk: Desk) -> None:
    mine, theirs = desk.site("acme"), desk.site("bell")
    unknown = desk.maker.unit("nobody-1")
    cord = desk.site("cord")
    report_end(actor=SYSTEM, unit=cord.row, how="stolen")
    dead = desk.accept(desk.site("dell").open())
    texts = [
        theirs.value,
        cord.value,
        unknown.value(theirs.owner, BackupKey.generate(1)),
        unknown.value(mine.owner, BackupKey.generate(1)),
        dead.values.get().document,
    ]
    answers = []
    for text in texts:
        with pytest.raises(Refusal) as refusal:
            mine.open(text)
        answers.append((refusal.value.code, refusal.value.facts))
    assert answers == [("documents.not-accepted", {})] * 5


def test_the_owner_of_a_stolen_unit_is_told_that_it_was_revoked(desk: Desk) -> None:
    site = desk.site("acme")
    report_end(actor=SYSTEM, unit=site.row, how="stolen")
    assert code_of(site, site.value) == "tickets.source-revoked"


@pytest.mark.parametrize("ended", ["stolen", "tampered"])
def test_a_unit_said_to_be_stolen_or_tampered_opens_no_ticket(desk: Desk, ended: str) -> None:
    site = desk.site("acme")
    assert code_of(site, site.value, ended=ended) == "tickets.source-revoked"


def test_a_failed_unit_is_the_normal_case(desk: Desk) -> None:
    site = desk.site("acme")
    report_end(actor=SYSTEM, unit=site.row, how="failed")
    assert site.open().state == "submitted"


def test_a_second_ticket_for_one_loss_is_refused_and_names_the_first(desk: Desk) -> None:
    site = desk.site("acme")
    first = site.open()
    with pytest.raises(Refusal) as refusal:
        site.open()
    assert (refusal.value.code, refusal.value.facts) == ("tickets.duplicate", {"ticket": first.number})
    assert Ticket.objects.count() == 1


def test_after_a_cancelled_ticket_another_may_be_opened(desk: Desk) -> None:
    site = desk.site("acme")
    cancel_ticket(actor=SYSTEM, ticket=site.open())
    assert site.open().state == "submitted"


def test_a_unit_that_is_not_lost_opens_no_ticket(desk: Desk) -> None:
    site = desk.site("acme")
    Unit.objects.filter(pk=site.row.pk).update(state=Unit.State.RETURNED)
    assert code_of(site, site.value) == "tickets.unit-not-lost"


def test_a_value_of_another_unit_than_the_one_named_is_refused(desk: Desk) -> None:
    site, other = desk.site("acme"), desk.site("bell")
    assert code_of(site, site.value, unit=other.row) == "tickets.other-unit"


# --- what a ticket carries ----------------------------------------------------------------------------------


def test_a_ticket_carries_every_lodged_epoch_of_the_appliance(desk: Desk) -> None:
    site = desk.site("acme")
    for epoch in (2, 3):
        lodge_value(document=site.unit.value(site.owner, BackupKey.generate(epoch)))
    ticket = site.open()
    assert [(v.epoch, v.origin) for v in ticket.values.all()] == [
        (3, "lodged"),
        (2, "lodged"),
        (1, "lodged"),
    ]


def test_the_values_of_a_header_are_taken_from_it(desk: Desk) -> None:
    site = desk.site("acme")
    text = header(site.unit, site.owner, [site.unit.value(site.owner, BackupKey.generate(4))])
    ticket = site.open(text)
    assert [(v.epoch, v.origin, bool(v.receipt)) for v in ticket.values.all()] == [
        (4, "header", False),
        (1, "lodged", True),
    ]


def test_a_value_wrapped_over_lines_is_forgiven(desk: Desk) -> None:
    site = desk.site("acme")
    wrapped = "\n".join(site.value[i : i + 64] for i in range(0, len(site.value), 64))
    assert site.open(f"  {wrapped}\r\n").values.get().digest == site.lodged.digest


def test_values_each_on_a_line_are_told_apart(desk: Desk) -> None:
    site = desk.site("acme")
    second = site.unit.value(site.owner, BackupKey.generate(2))
    assert site.open(f"{site.value}\n{second}\n").values.count() == 2


def test_a_second_loss_recovers_the_epochs_of_both_units(desk: Desk) -> None:
    site = desk.site("acme")
    first, second_unit = desk.to_restored(site)
    close_ticket(actor=SYSTEM, ticket=first)
    ticket = site.open(site.value)
    assert ticket.source_unit.serial == second_unit.serial
    assert sorted((v.epoch, v.serial) for v in ticket.values.all()) == [(1, "acme-1"), (2, "acme-2")]


def test_an_unlodged_value_of_a_closed_out_unit_is_refused(desk: Desk) -> None:
    site = desk.site("acme")
    first, _ = desk.to_restored(site)
    close_ticket(actor=SYSTEM, ticket=first)
    unlodged = site.unit.value(site.owner, site.key)
    assert code_of(site, unlodged) == "tickets.source-revoked"


def test_a_clerk_may_open_a_ticket_for_a_customer_on_the_phone(desk: Desk) -> None:
    site = desk.site("acme")
    ticket = site.open(user=desk.clerk)
    assert (ticket.opened_by, ticket.customer) == ("clerk", site.customer)


# --- identify -----------------------------------------------------------------------------------------------


def test_the_owner_and_staff_are_told_whose_a_value_is_and_outsiders_nothing(desk: Desk) -> None:
    site, other = desk.site("acme"), desk.site("bell")
    (mine,) = identify(user=site.contact, text=site.value)
    (staffs,) = identify(user=desk.clerk, text=site.value)
    (theirs,) = identify(user=other.contact, text=site.value)
    stranger = desk.maker.unit("x-1").value(site.owner, BackupKey.generate(1))
    (unknown,) = identify(user=other.contact, text=stranger)
    assert mine == staffs
    assert (mine.serial, mine.customer, mine.epoch, mine.lodged_at) == (
        "acme-1",
        "acme",
        1,
        site.lodged.lodged_at,
    )
    assert theirs.digest == site.lodged.digest
    assert (theirs.known, theirs.serial, theirs.customer, theirs.lodged_at) == (False, "", "", None)
    assert {name: getattr(theirs, name) for name in ("known", "serial", "customer", "epoch")} == {
        name: getattr(unknown, name) for name in ("known", "serial", "customer", "epoch")
    }


def test_identify_tells_what_is_wrong_with_a_text(desk: Desk) -> None:
    site = desk.site("acme")
    found = identify(user=site.contact, text=f"{site.value}\n\nnonsense\n\n{site.unit.request()}")
    assert [(f.what, f.fault) for f in found] == [
        ("value", ""),
        ("unreadable", "encoding.compact"),
        ("other", "header.type"),
    ]


def test_identify_finds_the_values_inside_a_header(desk: Desk) -> None:
    site = desk.site("acme")
    found = identify(user=site.contact, text=header(site.unit, site.owner, [site.value]))
    assert [(f.what, f.digest == site.lodged.digest) for f in found] == [("header", False), ("value", True)]


def test_withdrawing_an_identity_lighter_than_before_is_refused(desk: Desk) -> None:
    site = desk.site("acme")
    withdraw_identity(actor=SYSTEM, unit=site.row, reason="stolen")
    with pytest.raises(Refusal) as refusal:
        withdraw_identity(actor=SYSTEM, unit=site.row, reason="failed")
    assert refusal.value.code == "units.identity-withdrawn"
    assert Unit.objects.get(pk=site.row.pk).withdrawn_reason == "stolen"


# --- a value sheet ------------------------------------------------------------------------------------------


def test_a_value_sheet_is_the_value_typed_or_scanned(desk: Desk) -> None:
    site = desk.site("acme")
    made = sheet.cut(site.value)
    for text in (made.typed(), "\n\n".join(part.text for part in reversed(made.parts))):
        (found,) = identify(user=site.contact, text=text)
        assert (found.what, found.known, found.serial) == ("value", True, "acme-1")


def test_a_sheet_that_is_not_whole_names_its_line_at_the_finder_and_at_the_ticket(desk: Desk) -> None:
    site = desk.site("acme")
    head, *rows = sheet.cut(site.value).typed().splitlines()
    text = "\n".join([head, *rows[:8], *rows[9:]])
    (found,) = identify(user=site.contact, text=text)
    assert (found.what, found.fault) == ("unreadable", "encoding.sheet-line-missing")
    assert found.why.startswith("line 9 of")
    with pytest.raises(Refusal) as refused:
        site.open(text)
    assert refused.value.code == "documents.refused"
    assert str(refused.value.facts["why"]).startswith("line 9 of")
