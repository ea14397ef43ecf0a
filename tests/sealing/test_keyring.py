"""The keyring: rules that refuse, arrows that are taken, and the file that carries it."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sealing.encoding import from_b64u
from sealing.errors import Refused
from sealing.keyring import (
    ARROWS,
    MAX_OPEN_NONCES,
    DataKeyRecord,
    IdKeyRecord,
    Keyring,
    KeyringRefused,
    KeyState,
    Marks,
    OpenNonce,
)
from sealing.keyring_file import decode_keyring, encode_keyring, open_keyring, seal_keyring
from sealing.secret import DataKey, IdKey, SecretExposed
from sealing.vault import SoftwareVault
from tests.sealing.rings import AT, empty_ring, generate, make_ring, prove, record, rotate
from tests.sealing.test_vault import HeldRoot
from tests.support import figures

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "keyring.json").read_text(encoding="utf-8"))
WHO: dict[str, Any] = {"who": "ada", "why": "test", "at": AT}
A, B, C = "a" * 32, "b" * 32, "c" * 32


@pytest.mark.parametrize("case", VECTORS["faults"], ids=lambda case: case["name"])
def test_a_keyring_with_one_fault_is_refused_by_its_layer(case: dict[str, Any]) -> None:
    vault = SoftwareVault(HeldRoot(from_b64u(case["root"])))
    with pytest.raises(Refused) as caught:
        open_keyring(vault, from_b64u(case["file"]), version=case["version"])
    assert caught.value.code == case["refused"]


def test_the_published_keyring_opens_to_its_text() -> None:
    good = VECTORS["good"]
    vault = SoftwareVault(HeldRoot(from_b64u(good["root"])))
    ring = open_keyring(vault, from_b64u(good["file"]), version=good["version"])
    assert encode_keyring(ring).decode() == good["text"]
    assert ring == make_ring()


def test_every_flipped_bit_of_a_keyring_file_is_refused() -> None:
    vault = SoftwareVault(HeldRoot())
    ring = rotate(empty_ring(), "a")
    sealed = seal_keyring(vault, ring, at=AT)
    accepted = 0
    for bit in range(0, len(sealed) * 8, 1 if figures.LONG else 3):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        try:
            open_keyring(vault, bytes(altered), version=1)
        except Refused:
            continue
        accepted += 1
    assert accepted == 0


def test_a_keyring_that_breaks_a_rule_is_not_even_sealed() -> None:
    ring = rotate(empty_ring(), "a")
    broken = replace(ring, keys=(replace(ring.keys[0], proof=None),))
    with pytest.raises(KeyringRefused):
        seal_keyring(SoftwareVault(HeldRoot()), broken, at=AT)


ALL_STATES = list(KeyState)


def in_state(state: KeyState) -> Keyring:
    """A keyring whose key A is in that state."""
    made = {
        KeyState.PRE_ACTIVATION: lambda: prove(generate(empty_ring(), "a"), "a"),
        KeyState.ACTIVE: lambda: rotate(empty_ring(), "a"),
        KeyState.DEACTIVATED: lambda: rotate(rotate(empty_ring(), "a"), "b"),
        KeyState.COMPROMISED: lambda: rotate(empty_ring(), "a").move(A, KeyState.COMPROMISED, **WHO),
        KeyState.DESTROYED: lambda: rotate(rotate(empty_ring(), "a"), "b").move(A, KeyState.DESTROYED, **WHO),
    }
    return made[state]().check()


@pytest.mark.parametrize(
    ("old", "new"),
    [(old, new) for old, new in itertools.product(ALL_STATES, ALL_STATES) if new not in ARROWS[old]],
)
def test_no_other_arrow_is_taken(old: KeyState, new: KeyState) -> None:
    with pytest.raises(KeyringRefused) as caught:
        in_state(old).move(A, new, **WHO)
    assert caught.value.code == "keyring.no-such-arrow"


@pytest.mark.parametrize(
    ("old", "new"),
    [(old, new) for old in ALL_STATES for new in sorted(ARROWS[old]) if new is not KeyState.ACTIVE],
)
def test_each_arrow_is_written_down_with_who_why_and_when(old: KeyState, new: KeyState) -> None:
    ring = in_state(old).move(A, new, who="ada", why="because", at=AT + 5)
    last = ring.transitions[-1]
    assert (last.key_id, last.old, last.new, last.who, last.why, last.at) == (
        A,
        old.value,
        new,
        "ada",
        "because",
        AT + 5,
    )
    assert ring.key(A).state is new


def test_a_destroyed_key_keeps_its_name_and_loses_its_secret() -> None:
    ring = in_state(KeyState.DESTROYED)
    tomb = ring.key(A)
    assert tomb.secret is None
    assert tomb.commitment
    with pytest.raises(KeyringRefused):
        ring.usable(A)
    assert A.encode() in encode_keyring(ring)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"receipts": ()}, "keyring.value-not-durable"),
        ({"values": ()}, "keyring.value-not-durable"),
        ({"proof": None}, "keyring.value-not-proven"),
    ],
)
def test_activation_asks_for_a_value_held_and_proven(changes: dict[str, Any], code: str) -> None:
    ring = prove(generate(empty_ring(), "a"), "a").amend(A, **changes)
    with pytest.raises(KeyringRefused) as caught:
        ring.activate(A, **WHO)
    assert caught.value.code == code


def test_activation_takes_both_arrows_at_once_and_ends_the_must_rotate() -> None:
    ring = replace(prove(generate(rotate(empty_ring(), "a"), "b"), "b"), must_rotate=True)
    after = ring.activate(B, **WHO).check()
    assert (after.key(A).state, after.key(B).state) == (KeyState.DEACTIVATED, KeyState.ACTIVE)
    assert not after.must_rotate
    assert after.activate(B, **WHO) is after


def test_one_rotation_at_a_time() -> None:
    with pytest.raises(KeyringRefused) as caught:
        generate(generate(empty_ring(), "a"), "b")
    assert caught.value.code == "keyring.rotation-under-way"


def imported(state: KeyState, epoch: int = 4) -> Keyring:
    foreign = record(C, epoch, origin="imported", state=state, data_key_id="", source="78-OLD")
    return empty_ring().import_keys((foreign,), **WHO)


def test_an_imported_key_opens_and_never_seals() -> None:
    for state in (KeyState.DEACTIVATED, KeyState.COMPROMISED):
        ring = imported(state).check()
        assert ring.must_rotate
        assert ring.usable(C).secret is not None
        with pytest.raises(KeyringRefused):
            ring.activate(C, **WHO)
    for state in (KeyState.PRE_ACTIVATION, KeyState.ACTIVE):
        with pytest.raises(KeyringRefused):
            imported(state).check()


def test_the_next_epoch_is_above_every_epoch_ever_seen() -> None:
    ring = generate(imported(KeyState.DEACTIVATED, epoch=41), "a").check()
    assert ring.key(A).epoch == 42
    assert ring.move(A, KeyState.DESTROYED, **WHO).marks.epoch == 42


def test_importing_what_is_there_already_changes_no_key() -> None:
    ring = rotate(empty_ring(), "a")
    again = ring.import_keys((record(A, 1, origin="imported", state=KeyState.DEACTIVATED),), **WHO)
    assert again.keys == ring.keys
    assert not again.must_rotate


def test_a_nonce_is_taken_once_and_only_for_its_use() -> None:
    ring = empty_ring().open_nonce(OpenNonce("n", "drill", "a.b.c", A, AT))
    for nonce, use in (("n", "transfer"), ("m", "drill")):
        with pytest.raises(KeyringRefused) as caught:
            ring.consume_nonce(nonce, use)  # type: ignore[arg-type]  # one of the two uses
        assert caught.value.code == "keyring.nonce-unknown"
    spent, _ = ring.consume_nonce("n", "drill")
    with pytest.raises(KeyringRefused) as caught:
        spent.consume_nonce("n", "drill")
    assert caught.value.code == "keyring.nonce-consumed"


def test_old_open_nonces_give_way_to_new_ones_of_their_use() -> None:
    ring = empty_ring().open_nonce(OpenNonce("t", "transfer", "a.b.c", "", AT))
    for number in range(MAX_OPEN_NONCES + 3):
        ring = ring.open_nonce(OpenNonce(f"d{number}", "drill", "a.b.c", A, AT))
    kept = [item.nonce for item in ring.open_nonces if item.use == "drill"]
    assert kept == [f"d{number}" for number in range(3, MAX_OPEN_NONCES + 3)]
    assert any(item.nonce == "t" for item in ring.open_nonces)


def successor(**changes: Any) -> Keyring:
    ring = make_ring()
    return replace(ring, **{"version": ring.version + 1, **changes})


@pytest.mark.parametrize(
    "following",
    [
        successor(version=7),
        successor(version=9),
        successor(serial="78-OTHER"),
        successor(marks=Marks(epoch=1, clock=AT, authority_list=1)),
        successor(marks=Marks(epoch=2, clock=AT - 1, authority_list=1)),
        successor(marks=Marks(epoch=2, clock=AT, authority_list=0)),
        successor(consumed=()),
        successor(transitions=make_ring().transitions[1:]),
        successor(keys=make_ring().keys[1:]),
    ],
)
def test_nothing_is_forgotten_and_no_mark_falls_between_two_versions(following: Keyring) -> None:
    with pytest.raises(KeyringRefused):
        following.check_successor_of(make_ring())


def test_a_plain_successor_follows() -> None:
    assert successor().check_successor_of(make_ring()) == successor()
    assert make_ring().raise_marks(clock=AT - 5) == make_ring()


def test_another_key_under_a_known_id_is_refused() -> None:
    ring = make_ring()
    known = ring.data_keys[0]
    assert ring.add_data_keys((known,)) is ring
    with pytest.raises(KeyringRefused):
        ring.add_data_keys((DataKeyRecord(known.data_key_id, 1, DataKey(bytes(32))),))
    mine = ring.id_keys[0]
    with pytest.raises(KeyringRefused):
        ring.add_id_keys((IdKeyRecord(mine.id_key_id, "default", IdKey(bytes(32)), True),))


def test_a_current_id_key_that_arrives_takes_its_tenant_over_and_no_other() -> None:
    other = IdKeyRecord("1" * 32, "other", IdKey(bytes(32)), True)
    ring = make_ring().add_id_keys((other,))
    fresh = IdKeyRecord("2" * 32, "default", IdKey(bytes([2]) * 32), True)
    after = ring.add_id_keys((fresh,)).check()
    assert after.id_key("default") == fresh
    assert after.id_key("other") == other
    assert len(after.id_keys) == 3


def test_a_keyring_and_its_records_do_not_print() -> None:
    ring = make_ring()
    for thing in (ring, ring.keys[0], ring.data_keys[0], ring.id_keys[0]):
        for show in (repr, str, "{}".format):
            with pytest.raises(SecretExposed):
                show(thing)


def test_the_text_of_a_keyring_is_one() -> None:
    text = encode_keyring(make_ring())
    assert encode_keyring(decode_keyring(text)) == text
    with pytest.raises(Refused):
        decode_keyring(text + b"\n")
