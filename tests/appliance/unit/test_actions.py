"""The unit's row: arrows refused and taken, settings, outbound work, following the key process."""

from __future__ import annotations

import dataclasses
import itertools
import sys
import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from appliance.keys.client import Status
from appliance.unit.actions import (
    confirm_outbound,
    declare_tampered,
    first_installation,
    move_unit,
    pause_outbound,
    refresh_authority_list,
    set_desk,
)
from appliance.unit.engine.follow import follow
from appliance.unit.errors import (
    AlreadyInstalled,
    DeskAddressRefused,
    DeskNotSet,
    NotInitialised,
    WrongState,
)
from appliance.unit.models import ARROWS, Unit
from appliance.unit.selectors import is_outbound_allowed, require_state, unit, unit_or_none
from audit.actor import Actor
from audit.models import Event
from ground.db.transitions import swap
from ground.refusals import Stale
from jobs.models import Job

pytestmark = pytest.mark.django_db
ADA = Actor("user", "1", "ada")
STATES = [state.value for state in Unit.State]

SAID = Status(
    state="ready",
    vault_class="software",
    serial="78-T0001",
    model="SR-200",
    certificate_thumbprint="t" * 43,
    device_record="a.b.c",
    authority_list="a.b.c",
    authority_list_version=1,
    spool_public_key="AAAA",
)
OWNED = dataclasses.replace(
    SAID,
    customer={"id": str(uuid.UUID(int=1)), "name": "Harbour Authority"},
    appliance={"id": str(uuid.UUID(int=2)), "name": "Harbour cloud"},
)


@pytest.fixture
def row() -> Unit:
    made = follow(SAID, actor=ADA)
    assert made is not None
    return made


def put(state: str) -> None:
    Unit.objects.update(state=state)


def test_without_an_identity_everything_says_so() -> None:
    assert unit_or_none() is None
    assert not is_outbound_allowed()
    for call in (
        unit,
        lambda: require_state("blank"),
        lambda: set_desk(actor=ADA, url="https://desk.example"),
        lambda: first_installation(actor=ADA),
        lambda: declare_tampered(actor=ADA, why="x"),
        lambda: move_unit(actor=ADA, to="keyed"),
    ):
        with pytest.raises(NotInitialised):
            call()


@pytest.mark.parametrize(
    ("old", "new"),
    [(a, b) for a, b in itertools.product(STATES, STATES) if b != a and b not in ARROWS[a]],
)
def test_no_other_arrow_is_taken(row: Unit, old: str, new: str) -> None:
    put(old)
    with pytest.raises(WrongState):
        move_unit(actor=ADA, to=new)
    assert unit().state == old


@pytest.mark.parametrize(("old", "new"), [(a, b) for a in STATES for b in sorted(ARROWS[a])])
def test_each_arrow_is_taken_once_and_written_down(row: Unit, old: str, new: str) -> None:
    put(old)
    for _ in range(2):
        assert move_unit(actor=ADA, to=new, why="test").state == new
    (event,) = Event.objects.filter(action="unit.moved")
    assert event.facts == {"old": old, "new": new, "why": "test"}


def test_who_expects_another_state_is_refused(row: Unit) -> None:
    with pytest.raises(WrongState):
        move_unit(actor=ADA, to="in_service", expected="must_rotate")
    assert unit().state == "blank"


def test_of_two_movers_one_is_stale(row: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = unit()
    assert swap(Unit.objects.all(), "state", "blank", "in_service")
    monkeypatch.setattr(sys.modules["appliance.unit.actions.move_unit"], "unit", lambda: mine)
    with pytest.raises(Stale):
        move_unit(actor=ADA, to="keyed")
    assert unit().state == "in_service"


def test_there_is_one_unit_by_the_databases_word(row: Unit) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Unit.objects.create(serial="78-T0002", certificate_thumbprint="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        Unit.objects.create(serial="78-T0002", certificate_thumbprint="x", only=False)


def test_a_unit_in_use_is_not_installed_again(row: Unit) -> None:
    for state in STATES[1:]:
        put(state)
        with pytest.raises(AlreadyInstalled):
            first_installation(actor=ADA, enrolment="a.b.c")
    assert Job.objects.count() == 0


def test_an_installation_is_a_job_with_the_enrolment_cleaned_of_line_breaks(row: Unit) -> None:
    job = first_installation(actor=ADA, enrolment=" a.b\n.c \n")
    assert (job.kind, job.params) == ("unit.enrol", {"enrolment": "a.b.c"})
    assert Event.objects.filter(action="unit.installation-asked", outcome="intent").exists()


def test_a_desk_that_cannot_be_one_is_refused_and_the_old_one_stays(row: Unit) -> None:
    set_desk(actor=ADA, url="https://desk.example/")
    with pytest.raises(DeskAddressRefused):
        set_desk(actor=ADA, url="http://desk.example")
    assert unit().desk_url == "https://desk.example"
    set_desk(actor=ADA, url=" ")
    assert unit().desk_url == ""
    with pytest.raises(DeskNotSet):
        refresh_authority_list(actor=ADA)
    assert refresh_authority_list(actor=ADA, text="a.b.c").params == {"list": "a.b.c"}


def test_outbound_work_waits_until_an_admin_confirmed(row: Unit) -> None:
    assert is_outbound_allowed()
    pause_outbound(actor=ADA, why="restored")
    assert not is_outbound_allowed()
    assert unit().outbound_paused_why == "restored"
    for _ in range(2):
        confirm_outbound(actor=ADA)
    assert is_outbound_allowed()
    assert Event.objects.filter(action="unit.outbound-confirmed").count() == 1


def test_a_tamper_is_an_intent_first_and_only_while_there_is_something_to_destroy(row: Unit) -> None:
    job = declare_tampered(actor=ADA, why="the lid was open")
    assert job.kind == "unit.tamper"
    assert Event.objects.get(action="unit.tamper").outcome == "intent"
    for state in ("tampered", "retired"):
        put(state)
        with pytest.raises(WrongState):
            declare_tampered(actor=ADA, why="again")


@pytest.mark.parametrize("state", ["empty", "begun"])
def test_without_an_identity_there_is_no_row(state: str) -> None:
    assert follow(Status(state=state, vault_class="software"), actor=ADA) is None
    assert Unit.objects.count() == 0


def test_the_row_follows_once_and_then_only_what_changed(row: Unit) -> None:
    assert row.state == "blank"
    before = Event.objects.count()
    follow(SAID, actor=ADA)
    assert Event.objects.count() == before
    follow(OWNED, actor=ADA)
    after = unit()
    assert (after.customer_name, after.appliance_id) == ("Harbour Authority", uuid.UUID(int=2))
    assert Event.objects.get(action="unit.followed").facts == {
        "changed": ["appliance_id", "appliance_name", "customer_id", "customer_name"]
    }
    follow(OWNED, actor=ADA)
    assert Event.objects.filter(action="unit.followed").count() == 1


@pytest.mark.parametrize(
    ("state", "after"),
    [("in_service", "must_rotate"), ("keyed", "keyed"), ("restoring", "restoring"), ("blank", "blank")],
)
def test_a_key_in_doubt_takes_a_unit_out_of_service_and_no_other(row: Unit, state: str, after: str) -> None:
    put(state)
    follow(dataclasses.replace(SAID, must_rotate=True), actor=ADA)
    assert unit().state == after


@pytest.mark.parametrize("state", STATES)
def test_a_tampered_key_process_makes_a_tampered_unit_for_good(row: Unit, state: str) -> None:
    put(state)
    said: Any = Status(state="tampered", vault_class="software")
    for _ in range(2):
        follow(said, actor=ADA)
    assert unit().state == ("retired" if state == "retired" else "tampered")
