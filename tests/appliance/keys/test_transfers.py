"""Keys that come from custody: refused in every wrong way, installed once, and never sealing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from appliance.keys import errors
from sealing.claims import Party
from sealing.documents import installation, transfer
from sealing.ecdsa import SigningKey
from sealing.encoding import b64u
from sealing.jose import KeySigner
from tests.appliance.keys.maker import Maker
from tests.appliance.keys.running import RunningKeys

STRANGER = Party(id="99999999-9999-4999-8999-999999999999", name="Someone else")


@pytest.fixture
def lost(new_site: Callable[[str], RunningKeys], maker: Maker) -> list[str]:
    """The values of a unit that is gone, two epochs."""
    unit = new_site("lost").start()
    unit.install(maker, "78-T0100")
    ids = [unit.make_active(maker), unit.make_active(maker)]
    values = [unit.keys.values(key_id)[0] for key_id in ids]
    unit.kill()
    return values


@pytest.fixture
def blank(running: RunningKeys, maker: Maker) -> RunningKeys:
    """A unit with an identity and nothing else."""
    running.initialise(maker)
    return running


def record_of(unit: RunningKeys) -> str:
    return unit.keys.status().device_record


def assert_untouched(unit: RunningKeys) -> None:
    status = unit.keys.status()
    assert (status.epochs, status.customer, status.must_rotate) == ((), None, False)


def test_a_transfer_for_another_unit_is_refused(
    blank: RunningKeys, lost: list[str], maker: Maker, new_site: Callable[[str], RunningKeys]
) -> None:
    other = new_site("other").start()
    other.initialise(maker, "78-T0200")
    theirs = maker.transfer(lost, other.keys.transfer_request(), record_of(other))
    with pytest.raises(errors.OtherUnit):
        blank.keys.install_transfer(theirs, who="ada")
    assert_untouched(blank)
    assert len(other.keys.install_transfer(theirs, who="ada").key_ids) == 2


def test_a_transfer_sealed_to_another_device_key_does_not_install(
    blank: RunningKeys, lost: list[str], maker: Maker
) -> None:
    request = blank.keys.transfer_request()
    mixed = maker.transfer(lost, request, record_of(blank))
    header = mixed.split(".")[0]
    other = maker.transfer(lost, request, record_of(blank)).split(".")[1]
    with pytest.raises(errors.DocumentRefused):
        blank.keys.install_transfer(
            _resigned(f"{header}.{other}", maker), who="ada"
        )  # the sealed keys of another transfer under this header
    assert_untouched(blank)
    blank.keys.install_transfer(mixed, who="ada")


def _resigned(signing_input: str, maker: Maker) -> str:
    return f"{signing_input}.{b64u(maker.custody_signer.sign(signing_input.encode()))}"


def test_an_expired_transfer_is_refused(blank: RunningKeys, lost: list[str], maker: Maker) -> None:
    text = maker.transfer(lost, blank.keys.transfer_request(), record_of(blank), exp=int(time.time()) - 1)
    with pytest.raises(errors.Expired):
        blank.keys.install_transfer(text, who="ada")
    assert_untouched(blank)


def test_a_transfer_by_anyone_but_custody_is_refused(
    blank: RunningKeys, lost: list[str], maker: Maker
) -> None:
    request, record = blank.keys.transfer_request(), record_of(blank)
    for signer in (maker.desk_signer, KeySigner(SigningKey.generate())):
        with pytest.raises(errors.DocumentRefused):
            blank.keys.install_transfer(maker.transfer(lost, request, record, signer=signer), who="ada")
    assert_untouched(blank)


def test_a_transfer_altered_by_one_character_anywhere_is_refused(
    blank: RunningKeys, lost: list[str], maker: Maker
) -> None:
    text = maker.transfer(lost, blank.keys.transfer_request(), record_of(blank))
    accepted = 0
    for place in range(0, len(text), max(1, len(text) // 200)):
        wrong = "A" if text[place] != "A" else "B"
        try:
            blank.keys.install_transfer(text[:place] + wrong + text[place + 1 :], who="ada")
        except errors.KeyRefusal:
            continue
        accepted += 1
    assert accepted == 0
    assert_untouched(blank)


def test_a_transfer_this_unit_did_not_ask_for_is_refused(
    blank: RunningKeys, lost: list[str], maker: Maker
) -> None:
    requests = [blank.keys.transfer_request() for _ in range(9)]
    forgotten = maker.transfer(lost, requests[0], record_of(blank))
    with pytest.raises(errors.NotAskedFor):
        blank.keys.install_transfer(forgotten, who="ada")
    assert_untouched(blank)
    blank.keys.install_transfer(maker.transfer(lost, requests[-1], record_of(blank)), who="ada")


def test_a_thousand_replays_make_one_installation(blank: RunningKeys, lost: list[str], maker: Maker) -> None:
    text = maker.transfer(lost, blank.keys.transfer_request(), record_of(blank))
    installed, replayed = 0, 0
    for attempt in range(1000):
        try:
            blank.keys.install_transfer(text, who="ada")
            installed += 1
        except errors.Replayed:
            replayed += 1
        _restart_at(blank, attempt, (0, 500))
    assert (installed, replayed) == (1, 999)
    assert len(blank.keys.status().epochs) == 2


def _restart_at(unit: RunningKeys, attempt: int, at: tuple[int, ...]) -> None:
    for _ in range(at.count(attempt)):
        unit.restart()


def test_two_transfers_for_one_request_make_one_installation(
    blank: RunningKeys, lost: list[str], maker: Maker
) -> None:
    request, record = blank.keys.transfer_request(), record_of(blank)
    blank.keys.install_transfer(maker.transfer(lost, request, record), who="ada")
    with pytest.raises(errors.Replayed):
        blank.keys.install_transfer(maker.transfer(lost[:1], request, record), who="ada")


def test_a_unit_of_one_customer_takes_no_keys_of_another(
    installed: RunningKeys, lost: list[str], maker: Maker
) -> None:
    request, record = installed.keys.transfer_request(), record_of(installed)
    with pytest.raises(errors.AlreadyOwned):
        installed.keys.install_transfer(maker.transfer(lost, request, record, customer=STRANGER), who="ada")
    assert installed.keys.status().epochs == ()
    assert len(installed.keys.install_transfer(maker.transfer(lost, request, record), who="ada").key_ids) == 2


@pytest.mark.parametrize(
    ("ended", "state"),
    [
        ("failed", "deactivated"),
        ("retired", "deactivated"),
        ("stolen", "compromised"),
        ("tampered", "compromised"),
    ],
)
def test_imported_keys_are_born_as_their_unit_ended_and_never_become_active(
    blank: RunningKeys, lost: list[str], maker: Maker, ended: str, state: str
) -> None:
    text = maker.transfer(lost, blank.keys.transfer_request(), record_of(blank), ended=ended)
    key_ids = blank.keys.install_transfer(text, who="ada").key_ids
    status = blank.keys.status()
    assert {(info.state, info.origin, info.source) for info in status.epochs} == {
        (state, "imported", "78-T0100")
    }
    assert status.must_rotate
    assert blank.keys.data_keys().active is None
    for key_id in key_ids:
        with pytest.raises(errors.NoSuchTransition):
            blank.keys.activate(key_id, who="ada", why="no")
    with pytest.raises(errors.MustRotate):
        blank.keys.wrap_for_image([])


def test_installation_names_the_owner_and_its_receipt_survives_a_crash(
    blank: RunningKeys, lost: list[str], maker: Maker
) -> None:
    assert blank.keys.installation() is None
    text = maker.transfer(lost, blank.keys.transfer_request(), record_of(blank))
    first = blank.keys.install_transfer(text, who="ada")
    blank.restart()
    again = blank.keys.installation()
    assert again is not None
    sent = transfer.read(text, maker.trust)
    for installed in (first, again):
        installation.read(installed.receipt, maker.trust).require_for(sent)
    assert installation.digest(first.receipt) == installation.digest(again.receipt)
    assert again.facts["digest"] == sent.digest
    assert again.facts["source"]["serial"] == "78-T0100"
    status = blank.keys.status()
    assert status.customer == {"id": sent.customer.id, "name": sent.customer.name}
    assert status.appliance == {"id": sent.appliance.id, "name": sent.appliance.name}


def test_after_a_transfer_the_unit_rotates_and_old_images_still_open(
    new_site: Callable[[str], RunningKeys], maker: Maker
) -> None:
    """Three units in a row: images of three epochs open on the last one."""
    values: list[str] = []
    images: list[Any] = []
    data: list[Any] = []
    for generation in range(3):
        unit = new_site(f"unit-{generation}").start()
        unit.initialise(maker, f"78-T030{generation}")
        _take_over(unit, maker, values)
        key_id = unit.make_active(maker)
        unit.keys.id_key("default")
        for wrapping in images:
            unit.keys.unwrap_image(key_id=wrapping.key_id, wrapped=wrapping.wrapped, adopt=True)
        active = unit.keys.data_keys().active
        assert active is not None
        data.append(active)
        images.append(unit.keys.wrap_for_image([item.data_key_id for item in data]))
        values.append(unit.keys.values(key_id)[0])
        assert unit.epoch(key_id).epoch == generation + 1
        unit.kill()
    last = new_site("unit-2").start()
    for wrapping, active in zip(images, data, strict=True):
        opened = last.keys.unwrap_image(key_id=wrapping.key_id, wrapped=wrapping.wrapped)
        assert opened.data_keys[active.data_key_id] == active.key
    assert set(last.keys.data_keys().data_keys) == {item.data_key_id for item in data}
    (newest,) = images[-1:]
    assert set(newest.wrapped["data_keys"]) == {item.data_key_id for item in data}


def _take_over(unit: RunningKeys, maker: Maker, values: list[str]) -> None:
    """By a transfer where there is something to take over, else as a first installation."""
    if values:
        text = maker.transfer(values, unit.keys.transfer_request(), record_of(unit))
        unit.keys.install_transfer(text, who="ada")
    else:
        unit.keys.enrol(maker.enrol(unit.keys.status()))


def test_the_id_key_comes_along_unless_the_unit_ended_in_doubt(
    new_site: Callable[[str], RunningKeys], maker: Maker
) -> None:
    first = new_site("first").start()
    first.install(maker, "78-T0400")
    key_id = first.make_active(maker)
    mine = first.keys.id_key("default")
    wrapping = first.keys.wrap_for_image([])
    values = list(first.keys.values(key_id))
    first.kill()
    for ended, same in (("failed", True), ("stolen", False)):
        unit = new_site(ended).start()
        unit.initialise(maker, f"78-{ended}")
        text = maker.transfer(values, unit.keys.transfer_request(), record_of(unit), ended=ended)
        unit.keys.install_transfer(text, who="ada")
        opened = unit.keys.unwrap_image(key_id=key_id, wrapped=wrapping.wrapped, adopt=True)
        assert opened.id_keys["default"] == (mine,)
        assert (unit.keys.id_key("default") == mine) is same
        assert mine in unit.keys.data_keys().id_keys["default"]
