"""Factory initialisation and enrolment through a real key process."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from appliance.keys import errors
from sealing.claims import Party
from sealing.documents import possession
from sealing.ecdsa import SigningKey
from sealing.encoding import b64u, from_b64u
from sealing.jose import KeySigner, peek
from tests.appliance.keys.maker import Maker
from tests.appliance.keys.running import SERIAL, RunningKeys


@dataclasses.dataclass
class Case:
    """What a wrong bundle is made of: the right one, and another unit's."""

    maker: Maker
    bundle: dict[str, Any]
    foreign: dict[str, Any]


def test_a_unit_without_identity_refuses_every_verb_that_needs_one(running: RunningKeys) -> None:
    assert running.keys.status().state == "empty"
    for call in (
        lambda: running.keys.generate(who="a", why="b"),
        running.keys.data_keys,
        running.keys.transfer_request,
        running.keys.signer,
        running.keys.installation,
        lambda: running.keys.factory_finish({"serial": "x"}),
    ):
        with pytest.raises((errors.NotInitialised, errors.RequestRefused)):
            call()


@pytest.mark.parametrize(
    ("member", "change", "refusal"),
    [
        ("serial", lambda _case: "78-OTHER", errors.OtherUnit),
        ("model", lambda _case: "Another model", errors.DocumentRefused),
        ("chain", lambda case: case.foreign["chain"], errors.OtherUnit),
        ("chain", lambda case: case.bundle["chain"][:1], errors.DocumentRefused),
        ("chain", lambda case: list(reversed(case.bundle["chain"])), errors.DocumentRefused),
        ("root", lambda _case: b64u(Maker().root), errors.DocumentRefused),
        ("device_record", lambda case: case.foreign["device_record"], errors.OtherUnit),
        ("device_record", lambda case: case.bundle["device_record"][:-4] + "AAAA", errors.DocumentRefused),
        ("authority_list", lambda _case: Maker().authorities, errors.DocumentRefused),
        (
            "authority_list",
            lambda case: case.maker.make_authorities(device_authority="revoked"),
            errors.DocumentRefused,
        ),
    ],
)
def test_a_bundle_with_one_wrong_member_is_refused_and_pins_nothing(
    running: RunningKeys, new_site: Any, maker: Maker, member: str, change: Any, refusal: type[Exception]
) -> None:
    bundle = maker.sign_device(running.keys.factory_begin(serial=SERIAL, model="SR-200"))
    other = new_site("other").start()
    foreign = maker.sign_device(other.keys.factory_begin(serial="78-T0002", model="SR-200"))
    with pytest.raises(refusal):
        running.keys.factory_finish({**bundle, member: change(Case(maker, bundle, foreign))})
    assert running.keys.status().state == "begun"
    assert running.keys.factory_finish(bundle).state == "ready"


def test_the_request_proves_possession_and_begins_the_same_identity_again(running: RunningKeys) -> None:
    first = running.keys.factory_begin(serial=SERIAL, model="SR-200")
    claims, csr, kem = possession.read(first["proof"])
    assert (claims.serial, claims.model, csr.serial) == (SERIAL, "SR-200", SERIAL)
    assert from_b64u(first["kem_public_key"]) == kem.raw
    running.restart()
    second = running.keys.factory_begin(serial=SERIAL, model="SR-200")
    assert possession.read(second["proof"])[1].key == csr.key
    assert second["kem_public_key"] == first["kem_public_key"]


def test_another_serial_before_the_bundle_came_makes_another_identity(running: RunningKeys) -> None:
    first = running.keys.factory_begin(serial=SERIAL, model="SR-200")
    second = running.keys.factory_begin(serial="78-T0009", model="SR-200")
    assert possession.read(first["proof"])[1].key != possession.read(second["proof"])[1].key


@pytest.mark.parametrize("serial", ["", "x", "has space", "a" * 60, "zażółć"])
def test_what_is_no_serial_number_is_refused_in_words(running: RunningKeys, serial: str) -> None:
    with pytest.raises(errors.RequestRefused):
        running.keys.factory_begin(serial=serial, model="SR-200")


def test_an_initialised_unit_takes_its_own_bundle_again_and_no_other(
    running: RunningKeys, maker: Maker
) -> None:
    request = running.keys.factory_begin(serial=SERIAL, model="SR-200")
    bundle = maker.sign_device(request)
    running.keys.factory_finish(bundle)
    assert running.keys.factory_finish(bundle).state == "ready"
    with pytest.raises(errors.AlreadyInitialised):
        running.keys.factory_finish(maker.sign_device(request))
    with pytest.raises(errors.AlreadyInitialised):
        running.keys.factory_begin(serial=SERIAL, model="SR-200")


def test_an_enrolment_pins_customer_and_appliance_once(running: RunningKeys, maker: Maker) -> None:
    status = running.initialise(maker)
    assert status.customer is None
    owned = running.keys.enrol(maker.enrol(status))
    assert owned.customer == {"id": "11111111-1111-4111-8111-111111111111", "name": "Harbour Authority"}
    assert running.keys.enrol(maker.enrol(status)).customer == owned.customer
    stranger = Party(id="99999999-9999-4999-8999-999999999999", name="Someone else")
    with pytest.raises(errors.AlreadyOwned):
        running.keys.enrol(maker.enrol(status, customer=stranger))
    running.restart()
    assert running.keys.status().customer == owned.customer


def test_an_enrolment_of_another_unit_or_key_is_refused(running: RunningKeys, maker: Maker) -> None:
    status = running.initialise(maker)
    with pytest.raises(errors.OtherUnit):
        running.keys.enrol(maker.enrol(dataclasses.replace(status, serial="78-T0009")))
    with pytest.raises(errors.OtherUnit):
        running.keys.enrol(maker.enrol(status, certificate=maker.source.signer.kid))
    for signer in (KeySigner(SigningKey.generate()), maker.custody_signer):
        with pytest.raises(errors.DocumentRefused):
            running.keys.enrol(maker.enrol(status, signer=signer))
    assert running.keys.status().customer is None


def test_values_are_not_made_before_a_customer_is_pinned(running: RunningKeys, maker: Maker) -> None:
    running.initialise(maker)
    with pytest.raises(errors.NotOwned):
        running.keys.generate(who="a", why="b")


def test_status_says_no_secret_and_names_the_vault(installed: RunningKeys) -> None:
    status = installed.keys.status()
    assert status.vault_class == "software"
    assert len(from_b64u(status.spool_public_key)) == 1216
    assert peek(status.device_record).claims["serial"] == SERIAL
