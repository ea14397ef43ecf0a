"""The rotation as the engine runs it: key process, database and desk are real, and each may fail anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from appliance.keys import errors
from appliance.keys.engine.rotation import STEPS, Rotation
from appliance.keys.engine.sync import sync
from appliance.keys.hooks import _listeners, on_activation
from appliance.keys.models import KeyEpoch, KeyTransition, LodgedValue, ValueDrill
from appliance.keys.refusals import DrillRefusedByDesk, DrillUnanswered
from appliance.keys.selectors import active_epoch, waivers_needed
from appliance.unit.desk import Desk
from appliance.unit.errors import DeskNotSet, DeskRefused, DeskUnreachable, WrongState
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.actor import Actor
from audit.models import Event
from sealing.documents import authority_list
from sealing.ecdsa import SigningKey
from sealing.hpke import KemPrivateKey
from sealing.jose import KeySigner
from tests.appliance.keys.desk import TestDesk
from tests.appliance.keys.maker import Maker, list_entries
from tests.appliance.keys.running import RunningKeys
from tests.sealing.world import NOW

pytestmark = pytest.mark.django_db
ADA = Actor("user", "1", "ada")


class Crash(BaseException):
    """Stands for a kill: nothing of ours catches it."""


@dataclass
class Fuse:
    """Does `left` calls through any of its proxies; the next one is done, and its answer lost."""

    left: int
    done: list[str] = field(default_factory=list)

    def around(self, target: Any) -> Any:
        return _Proxy(target, self)


class _Proxy:
    def __init__(self, target: Any, fuse: Fuse) -> None:
        self._target, self._fuse = target, fuse

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._target, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = method(*args, **kwargs)
            self._fuse.done.append(name)
            if len(self._fuse.done) > self._fuse.left:
                raise Crash(name)
            return answer

        return call


def rotation(
    running: RunningKeys,
    desk: TestDesk | None,
    *,
    job: str = "job-1",
    fuse: Fuse | None = None,
    **changes: Any,
) -> Rotation:
    fuse = fuse or Fuse(10_000)
    params = {"reason": "test", **changes.pop("params", {})}
    return Rotation(
        job_id=job,
        actor=ADA,
        params=params,
        keys=fuse.around(running.keys),
        desk=None if desk is None else fuse.around(Desk(desk.url)),
        pause=lambda _seconds: None,
        **changes,
    )


@pytest.fixture
def heard() -> Iterator[list[tuple[str, int]]]:
    calls: list[tuple[str, int]] = []

    def listener(key_id: str, epoch: int) -> None:
        calls.append((key_id, epoch))

    on_activation(listener)
    yield calls
    _listeners.remove(listener)


def assert_one_proven_key(running: RunningKeys, epoch: int) -> None:
    """Keyring and rows say the same, and it is what invariant I4 asks for."""
    status = running.keys.status()
    assert status.active is not None
    assert (status.active.epoch, status.active.durable) == (epoch, True)
    assert status.active.proof is not None
    rows = {row.key_id: row.state for row in KeyEpoch.objects.all()}
    assert rows == {info.key_id: info.state for info in status.epochs}
    assert KeyTransition.objects.count() == len(status.transitions)
    assert Event.objects.filter(action="keys.moved").count() == len(status.transitions)


def test_a_unit_that_is_not_in_service_gets_no_key(site_keys: RunningKeys, desk: TestDesk) -> None:
    with pytest.raises(WrongState):
        rotation(site_keys, desk).run()
    assert site_keys.keys.status().epochs == ()


def test_without_a_desk_the_new_key_waits_and_nothing_protects_yet(in_service: RunningKeys) -> None:
    with pytest.raises(DeskNotSet):
        rotation(in_service, None).run()
    assert KeyEpoch.objects.get().state == "pre-activation"
    assert active_epoch() is None


def test_a_desk_that_does_not_answer_leaves_the_forerunner_in_charge(
    in_service: RunningKeys, desk: TestDesk
) -> None:
    rotation(in_service, desk, job="one").run()
    desk.close()
    with pytest.raises(DeskUnreachable):
        rotation(in_service, desk, job="two").run()
    assert_one_proven_key(in_service, 1)
    assert KeyEpoch.objects.get(epoch=2).state == "pre-activation"


def test_a_swapped_authority_list_stops_everything_before_a_seal(
    in_service: RunningKeys, desk: TestDesk, maker: Maker
) -> None:
    attacker = KemPrivateKey.generate()
    entries = tuple(entry for entry in list_entries(maker) if entry.use != "escrow")
    forged = authority_list.issue(
        authority_list.AuthorityList(
            version=9,
            iat=NOW,
            entries=(*entries, authority_list.entry_for(attacker.public, "escrow", not_before=NOW)),
        ),
        KeySigner(SigningKey.generate(), kid=maker.root_signer.kid),
    )
    desk.replace("GET authority", lambda _body: (200, {"list": forged}))
    with pytest.raises(errors.AuthorityListRefused):
        rotation(in_service, desk).run()
    assert LodgedValue.objects.count() == 0
    assert in_service.keys.status().epochs == ()


def test_a_receipt_that_does_not_hold_does_not_count(
    in_service: RunningKeys, desk: TestDesk, maker: Maker
) -> None:
    desk.replace(
        "POST values",
        lambda body: (201, {"id": "x", "receipt": maker.receive(body["value"], signer=maker.custody_signer)}),
    )
    with pytest.raises(errors.DocumentRefused):
        rotation(in_service, desk).run()
    assert active_epoch() is None
    desk.restore()
    rotation(in_service, desk).run()
    assert_one_proven_key(in_service, 1)


def test_a_drill_answered_with_another_key_sets_the_new_key_aside(
    in_service: RunningKeys, desk: TestDesk
) -> None:
    rotation(in_service, desk, job="one").run()
    desk.replace("GET drills", desk.prove_wrongly)
    with pytest.raises(errors.DrillFailed):
        rotation(in_service, desk, job="two").run()
    assert_one_proven_key(in_service, 1)
    assert KeyEpoch.objects.get(epoch=2).state == "destroyed"
    assert ValueDrill.objects.filter(state="failed").count() == 1
    assert Event.objects.filter(action="keys.drill-ended", outcome="refused").exists()
    desk.restore()
    rotation(in_service, desk, job="three").run()
    assert_one_proven_key(in_service, 3)


def test_a_drill_that_custody_refuses_sets_the_new_key_aside(in_service: RunningKeys, desk: TestDesk) -> None:
    desk.replace("GET drills", lambda _body: (200, {"state": "refused", "proof": None}))
    with pytest.raises(DrillRefusedByDesk):
        rotation(in_service, desk).run()
    assert KeyEpoch.objects.get().state == "destroyed"


def test_a_desk_that_refuses_to_take_the_drill_costs_no_key(in_service: RunningKeys, desk: TestDesk) -> None:
    problem = {"code": "drills.too-many", "title": "Too many.", "next_step": "Wait."}
    desk.replace("POST drills", lambda _body: (429, problem))
    with pytest.raises(DeskRefused) as caught:
        rotation(in_service, desk).run()
    assert caught.value.facts["desk_code"] == "drills.too-many"
    assert KeyEpoch.objects.get().state == "pre-activation"


def test_an_unanswered_drill_waits_and_is_taken_up_again(
    in_service: RunningKeys, desk: TestDesk, settings: Any
) -> None:
    settings.KEYS_DRILL_SECONDS = 0
    desk.replace("GET drills", lambda _body: (200, {"state": "waiting", "proof": None}))
    with pytest.raises(DrillUnanswered):
        rotation(in_service, desk, job="one").run()
    assert active_epoch() is None
    desk.restore()
    rotation(in_service, desk, job="two").run()
    assert_one_proven_key(in_service, 1)
    assert desk.calls.count("POST drills") == 1
    assert desk.calls.count("POST values") == 1


def test_a_waiver_stands_in_for_an_unanswered_drill_and_is_marked(
    in_service: RunningKeys, desk: TestDesk, settings: Any
) -> None:
    settings.KEYS_DRILL_SECONDS = 0
    desk.replace("GET drills", lambda _body: (200, {"state": "waiting", "proof": None}))
    result = rotation(in_service, desk, params={"waive": "custody is closed today"}).run()
    assert result["proof"] == "waived"
    assert_one_proven_key(in_service, 1)
    row = active_epoch()
    assert row is not None
    assert row.is_amber
    assert row.proof_by == ["ada"]
    assert waivers_needed() == 2
    with pytest.raises(DrillUnanswered):
        rotation(in_service, desk, job="two", params={"waive": "still closed"}).run()
    assert_one_proven_key(in_service, 1)


def test_a_waiver_does_not_stand_in_for_a_failed_drill(in_service: RunningKeys, desk: TestDesk) -> None:
    desk.replace("GET drills", desk.prove_wrongly)
    with pytest.raises(errors.DrillFailed):
        rotation(in_service, desk, params={"waive": "never mind"}).run()
    assert active_epoch() is None


def test_a_downloaded_value_stands_in_for_the_desk(in_service: RunningKeys) -> None:
    with pytest.raises(DeskNotSet):
        rotation(in_service, None, job="one").run()
    value = LodgedValue.objects.get()
    held = {"key_id": value.epoch.key_id, "digest": value.digest}
    with pytest.raises(DeskNotSet):
        rotation(in_service, None, job="two", params={"held": held}).run()
    result = rotation(in_service, None, job="three", params={"waive": "no network here"}).run()
    assert result["proof"] == "waived"
    assert_one_proven_key(in_service, 1)
    assert KeyEpoch.objects.get().downloaded


@pytest.mark.parametrize("kind", ["symmetric", "hybrid"])
def test_a_rotation_from_nothing_and_one_after_it(
    in_service: RunningKeys, desk: TestDesk, heard: list[tuple[str, int]], kind: str
) -> None:
    for number in (1, 2):
        result = rotation(in_service, desk, job=f"job-{number}", params={"kind": kind}).run()
        assert (result["epoch"], result["proof"]) == (number, "drilled")
        assert_one_proven_key(in_service, number)
    assert [epoch for _, epoch in heard] == [1, 2]
    assert LodgedValue.objects.exclude(receipt="").count() == 2
    order = list(Event.objects.order_by("sequence").values_list("action", "outcome"))
    assert order.index(("keys.generate", "intent")) < order.index(("keys.moved", "done"))
    assert ("keys.activate", "intent") in order


def test_a_unit_that_must_rotate_is_in_service_after_it(in_service: RunningKeys, desk: TestDesk) -> None:
    first = rotation(in_service, desk, job="one").run()
    in_service.keys.compromise(first["key_id"], who="ada", why="a copy was released")
    sync(actor=ADA, keys=in_service.keys)
    assert unit().state == Unit.State.MUST_ROTATE
    assert waivers_needed() == 1
    rotation(in_service, desk, job="two").run()
    assert unit().state == Unit.State.IN_SERVICE
    assert_one_proven_key(in_service, 2)


@pytest.mark.parametrize("step", STEPS)
def test_a_job_killed_before_any_step_is_finished_by_another_process(
    in_service: RunningKeys, desk: TestDesk, heard: list[tuple[str, int]], step: str
) -> None:
    rotation(in_service, desk, job="before").run()

    def told(name: str, _number: int, _of: int) -> None:
        raise_if(name == step)

    with pytest.raises(Crash):
        rotation(in_service, desk, told=told).run()
    in_service.restart()
    sync(actor=ADA, keys=in_service.keys)
    rotation(in_service, desk).run()
    assert_one_proven_key(in_service, 2)
    assert KeyEpoch.objects.count() == 2
    assert heard[-1][1] == 2


def raise_if(condition: bool) -> None:
    if condition:
        raise Crash


CALLS = 36  # of one rotation, to key process and desk


def test_the_kills_below_cover_every_call_of_a_rotation(in_service: RunningKeys, desk: TestDesk) -> None:
    rotation(in_service, desk, job="before").run()
    fuse = Fuse(1_000)
    rotation(in_service, desk, fuse=fuse).run()
    assert len(fuse.done) == CALLS


@pytest.mark.parametrize("calls", range(CALLS))
def test_a_job_killed_after_any_answer_is_finished_by_another_process(
    in_service: RunningKeys, desk: TestDesk, calls: int
) -> None:
    """Key process and desk did what was asked, and the engine died before it knew."""
    rotation(in_service, desk, job="before").run()
    with pytest.raises(Crash):
        rotation(in_service, desk, fuse=Fuse(calls)).run()
    in_service.restart()
    result = rotation(in_service, desk).run()
    assert result["epoch"] == 2
    assert_one_proven_key(in_service, 2)
    assert KeyEpoch.objects.count() == 2
    assert rotation(in_service, desk).run() == result


def test_rows_lost_or_ahead_follow_the_keyring_again(in_service: RunningKeys, desk: TestDesk) -> None:
    rotation(in_service, desk, job="one").run()
    rotation(in_service, desk, job="two").run()
    ValueDrill.objects.all().delete()
    LodgedValue.objects.all().delete()
    KeyEpoch.objects.filter(epoch=1).delete()
    KeyEpoch.objects.filter(epoch=2).update(state="pre-activation", proof_how="", durable=False)
    sync(actor=ADA, keys=in_service.keys)
    assert {row.epoch: row.state for row in KeyEpoch.objects.all()} == {1: "deactivated", 2: "active"}
    assert LodgedValue.objects.count() == 2
    before = Event.objects.count()
    sync(actor=ADA, keys=in_service.keys)
    assert Event.objects.count() == before
