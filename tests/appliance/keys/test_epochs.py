"""The life of a key through a real key process: every rule refused first, then the rotation itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appliance.keys import errors
from sealing.backupkey import BackupKey
from sealing.documents import authority_list, drill, value
from sealing.ecdsa import SigningKey
from sealing.encoding import from_b64u
from sealing.hpke import KemPrivateKey
from sealing.identity import check_root, make_root
from sealing.jose import KeySigner, digest, peek
from tests.appliance.keys.maker import Maker, list_entries
from tests.appliance.keys.running import RunningKeys
from tests.sealing.world import CUSTOMER, NOW

UNKNOWN = "0" * 32


def test_a_key_is_not_activated_before_anybody_else_holds_its_value(installed: RunningKeys) -> None:
    keys = installed.keys
    info = keys.generate(who="a", why="first")
    with pytest.raises(errors.ValueNotDurable):
        keys.activate(info.key_id, who="a", why="first")
    keys.seal_values(info.key_id)
    keys.waive_drill(info.key_id, admins=["ada"], why="no desk yet")
    with pytest.raises(errors.ValueNotDurable):
        keys.activate(info.key_id, who="a", why="first")
    assert keys.status().active is None


def test_a_key_is_not_activated_before_it_is_proven_or_waived(installed: RunningKeys, maker: Maker) -> None:
    keys = installed.keys
    info = keys.generate(who="a", why="first")
    (text,) = keys.seal_values(info.key_id)
    keys.accept_receipt(info.key_id, maker.receive(text))
    with pytest.raises(errors.ValueNotProven):
        keys.activate(info.key_id, who="a", why="first")
    with pytest.raises(errors.NoActiveKey):
        keys.wrap_for_image([])
    assert keys.data_keys().active is None


def test_a_waiting_key_is_not_passed_over_for_one_of_another_kind(installed: RunningKeys) -> None:
    waiting = installed.keys.generate(who="a", why="first", kind="hybrid")
    with pytest.raises(errors.RotationUnderWay):
        installed.keys.generate(who="a", why="first", kind="symmetric")
    assert installed.keys.generate(who="a", why="first", kind="hybrid").key_id == waiting.key_id


def test_the_data_key_of_a_waiting_key_does_not_leave(installed: RunningKeys, maker: Maker) -> None:
    first = installed.make_active(maker)
    waiting = installed.keys.generate(who="a", why="second")
    held = installed.keys.data_keys()
    assert held.active is not None
    assert held.active.key_id == first
    assert waiting.data_key_id not in held.data_keys
    with pytest.raises(errors.RequestRefused):
        installed.keys.wrap_for_image([waiting.data_key_id])


def test_a_receipt_counts_only_for_this_value_by_the_front_desk(installed: RunningKeys, maker: Maker) -> None:
    keys = installed.keys
    info = keys.generate(who="a", why="first")
    (text,) = keys.seal_values(info.key_id)
    foreign = maker.make_value(BackupKey.generate(1))
    wrong = [
        maker.receive(foreign),
        maker.receive(text, signer=maker.custody_signer),
        maker.receive(text, signer=KeySigner(SigningKey.generate())),
        maker.receive(text, lodged="head"),
        maker.receive(text, serial="78-OTHER"),
        maker.receive(text, customer="99999999-9999-4999-8999-999999999999"),
        maker.receive(text, document=digest(foreign)),
        maker.receive(text)[:-6] + "AAAAAA",
    ]
    for receipt in wrong:
        with pytest.raises(errors.DocumentRefused):
            keys.accept_receipt(info.key_id, receipt)
    assert not keys.status().epochs[0].durable
    assert keys.accept_receipt(info.key_id, maker.receive(text)).durable
    assert keys.accept_receipt(info.key_id, maker.receive(text)).receipts == 1


def test_the_digest_of_another_text_does_not_prove_a_download(installed: RunningKeys) -> None:
    keys = installed.keys
    info = keys.generate(who="a", why="first")
    (text,) = keys.seal_values(info.key_id)
    for given in ("", "x", digest(text)[:-1], info.key_id):
        with pytest.raises(errors.DigestDiffers):
            keys.prove_download(info.key_id, given)
    proven = keys.prove_download(info.key_id, digest(text))
    assert (proven.durable, proven.downloaded, proven.receipts) == (True, True, 0)


def test_a_drill_answered_with_another_key_fails_and_spends_its_nonce(
    installed: RunningKeys, maker: Maker
) -> None:
    keys = installed.keys
    info = keys.generate(who="a", why="first")
    keys.seal_values(info.key_id)
    request = keys.drill_request(info.key_id, purpose="activation")
    with pytest.raises(errors.DrillFailed):
        keys.check_drill(maker.prove(request, key=BackupKey.generate(1)))
    with pytest.raises(errors.Replayed):
        keys.check_drill(maker.prove(request))
    assert keys.status().epochs[0].proof is None


def test_a_proof_is_believed_from_custody_only_and_only_for_a_request_of_this_unit(
    installed: RunningKeys, maker: Maker, new_site: Callable[[str], RunningKeys]
) -> None:
    keys = installed.keys
    info = keys.generate(who="a", why="first")
    keys.seal_values(info.key_id)
    request = keys.drill_request(info.key_id, purpose="activation")
    for signer in (maker.desk_signer, KeySigner(SigningKey.generate())):
        with pytest.raises(errors.DocumentRefused):
            keys.check_drill(maker.prove(request, signer=signer))
    other = new_site("other").start()
    other.install(maker, "78-T0002")
    theirs = other.keys.generate(who="a", why="first")
    other.keys.seal_values(theirs.key_id)
    with pytest.raises(errors.NotAskedFor):
        keys.check_drill(maker.prove(other.keys.drill_request(theirs.key_id, purpose="activation")))
    proven = keys.check_drill(maker.prove(request))
    assert proven.proof is not None
    assert proven.proof["how"] == "drilled"
    with pytest.raises(errors.Replayed):
        keys.check_drill(maker.prove(request))


def test_a_drill_waits_across_a_crash_and_is_answered_after_it(installed: RunningKeys, maker: Maker) -> None:
    info = installed.keys.generate(who="a", why="first")
    installed.keys.seal_values(info.key_id)
    request = installed.keys.drill_request(info.key_id, purpose="activation")
    installed.restart()
    assert installed.keys.check_drill(maker.prove(request)).proof is not None


def test_values_sealed_anew_need_a_new_receipt_and_a_new_drill(installed: RunningKeys, maker: Maker) -> None:
    keys = installed.keys
    info = keys.generate(who="a", why="first")
    (text,) = keys.seal_values(info.key_id)
    keys.accept_receipt(info.key_id, maker.receive(text))
    request = keys.drill_request(info.key_id, purpose="activation")
    second = KemPrivateKey.generate()
    extra = (authority_list.entry_for(second.public, "escrow", not_before=NOW),)
    maker.use_list(maker.make_authorities(version=2, extra=extra))
    keys.take_authority_list(maker.authorities)
    fresh = keys.seal_values(info.key_id)
    assert len(fresh) == 2
    after = keys.status().epochs[0]
    assert (after.durable, after.proof) == (False, None)
    with pytest.raises(errors.DrillFailed):
        keys.check_drill(maker.prove(request))
    assert set(keys.seal_values(info.key_id)) == set(fresh)


def test_one_admin_waives_for_the_first_key_and_two_for_a_later_one(
    installed: RunningKeys, maker: Maker
) -> None:
    keys = installed.keys
    first = keys.generate(who="a", why="first")
    (text,) = keys.seal_values(first.key_id)
    keys.accept_receipt(first.key_id, maker.receive(text))
    for admins, why in (([], "why"), ([" "], "why"), (["ada"], " ")):
        with pytest.raises(errors.WaiverRefused):
            keys.waive_drill(first.key_id, admins=admins, why=why)
    waived = keys.waive_drill(first.key_id, admins=["ada"], why="custody is closed")
    assert waived.proof is not None
    assert (waived.proof["how"], waived.proof["by"]) == ("waived", ["ada"])
    keys.activate(first.key_id, who="ada", why="first")
    assert keys.wrap_for_image([]).proof["by"] == "waived"
    second = keys.generate(who="a", why="second")
    for admins in (["ada"], ["ada", "ada"], ["ada", " ada "]):
        with pytest.raises(errors.WaiverRefused):
            keys.waive_drill(second.key_id, admins=admins, why="custody is closed")
    waived = keys.waive_drill(second.key_id, admins=["ada", "ben"], why="custody is closed")
    assert waived.proof is not None
    assert waived.proof["by"] == ["ada", "ben"]
    with pytest.raises(errors.WaiverRefused):
        keys.waive_drill(first.key_id, admins=["ada", "ben"], why="it is active already")


def test_a_later_drill_takes_the_mark_of_the_waiver_away(installed: RunningKeys, maker: Maker) -> None:
    keys = installed.keys
    info = keys.generate(who="a", why="first")
    (text,) = keys.seal_values(info.key_id)
    keys.accept_receipt(info.key_id, maker.receive(text))
    keys.waive_drill(info.key_id, admins=["ada"], why="custody is closed")
    keys.activate(info.key_id, who="ada", why="first")
    keys.check_drill(maker.prove(keys.drill_request(info.key_id, purpose="scheduled")))
    assert keys.wrap_for_image([]).proof["by"] == "drilled"


def test_only_arrows_of_the_lifecycle_are_taken(installed: RunningKeys, maker: Maker) -> None:
    keys = installed.keys
    active = installed.make_active(maker)
    for call in (keys.set_aside, keys.destroy):
        with pytest.raises(errors.RequestRefused):
            call(active, who="a", why="b")
    for call in (keys.activate, keys.set_aside, keys.destroy, keys.compromise):
        with pytest.raises(errors.UnknownKey):
            call(UNKNOWN, who="a", why="b")
    second = installed.make_active(maker)
    with pytest.raises(errors.NoSuchTransition):
        keys.activate(active, who="a", why="back")
    keys.destroy(active, who="a", why="no image needs it")
    for call in (keys.activate, keys.compromise):
        with pytest.raises((errors.KeyDestroyed, errors.NoSuchTransition)):
            call(active, who="a", why="b")
    assert installed.epoch(second).state == "active"


@pytest.mark.parametrize("kind", ["symmetric", "hybrid"])
def test_a_rotation_deactivates_the_former_key_and_the_value_opens_to_the_new_one(
    installed: RunningKeys, maker: Maker, kind: str
) -> None:
    first = installed.make_active(maker, kind=kind)
    second = installed.make_active(maker, kind=kind)
    status = installed.keys.status()
    states = {info.key_id: (info.state, info.epoch) for info in status.epochs}
    assert states == {first: ("deactivated", 1), second: ("active", 2)}
    (text,) = installed.keys.values(second)
    opened = maker.open_value(text)
    assert (opened.key_id, opened.epoch, opened.kind) == (second, 2, kind)
    read = value.read(text, maker.trust)
    assert (read.customer, read.serial) == (CUSTOMER.id, status.serial)
    wrapping = installed.keys.wrap_for_image([])
    held = installed.keys.data_keys()
    assert held.active is not None
    unwrapped = opened.unwrap_data_key(
        held.active.data_key_id, wrapping.wrapped["data_keys"][held.active.data_key_id]
    )
    assert unwrapped == held.active.key
    arrows = [(item.old, item.new) for item in status.transitions if item.key_id == first]
    assert arrows == [
        ("", "pre-activation"),
        ("pre-activation", "active"),
        ("active", "deactivated"),
    ]


def test_every_step_of_a_rotation_is_safe_to_repeat(installed: RunningKeys, maker: Maker) -> None:
    keys = installed.keys
    info = keys.generate(who="a", why="b")
    assert keys.generate(who="a", why="b").key_id == info.key_id
    texts = keys.seal_values(info.key_id)
    assert keys.seal_values(info.key_id) == texts
    for _ in range(2):
        keys.accept_receipt(info.key_id, maker.receive(texts[0]))
    keys.check_drill(maker.prove(keys.drill_request(info.key_id, purpose="activation")))
    for _ in range(2):
        keys.activate(info.key_id, who="a", why="b")
    status = keys.status()
    assert [item.new for item in status.transitions] == ["pre-activation", "active"]


def test_a_compromise_stops_sealing_until_a_rotation_and_changes_the_id_keys(
    installed: RunningKeys, maker: Maker
) -> None:
    keys = installed.keys
    key_id = installed.make_active(maker)
    before = keys.id_key("default")
    keys.compromise(key_id, who="ada", why="a copy was released")
    held = keys.data_keys()
    assert held.active is None
    assert keys.status().must_rotate
    with pytest.raises((errors.MustRotate, errors.NoActiveKey)):
        keys.wrap_for_image([])
    after = keys.id_key("default")
    assert after != before
    assert list(keys.data_keys().id_keys["default"]) == [after, before]
    installed.make_active(maker)
    assert not keys.status().must_rotate
    assert keys.data_keys().active is not None


def test_a_key_set_aside_leaves_no_kept_keyring_and_no_data_key(installed: RunningKeys, maker: Maker) -> None:
    keys = installed.keys
    active = installed.make_active(maker)
    info = keys.generate(who="a", why="b")
    keys.set_aside(info.key_id, who="a", why="drill failed")
    assert len(list((installed.site / "keys").glob("keyring.*"))) == 1
    installed.restart()
    status = keys.status()
    assert installed.epoch(info.key_id).state == "destroyed"
    assert status.active is not None
    assert status.active.key_id == active
    again = keys.generate(who="a", why="b")
    assert again.epoch == info.epoch + 1


def test_nothing_is_sealed_to_a_swapped_authority_key(installed: RunningKeys, maker: Maker) -> None:
    """The manufacturer's public key swapped on the way: 0 seals made."""
    keys = installed.keys
    info = keys.generate(who="a", why="first")
    attacker = KemPrivateKey.generate()
    forged_root = SigningKey.generate()
    entries = tuple(entry for entry in list_entries(maker) if entry.use != "escrow")
    swapped = authority_list.AuthorityList(
        version=7,
        iat=NOW,
        entries=(*entries, authority_list.entry_for(attacker.public, "escrow", not_before=NOW)),
    )
    root_of_forger = KeySigner(forged_root, kid=check_root(make_root(forged_root, "Test root")).thumbprint)
    lists = [
        authority_list.issue(swapped, root_of_forger),
        authority_list.issue(swapped, KeySigner(forged_root, kid=maker.root_signer.kid)),
        authority_list.issue(swapped, maker.desk_signer),
        _with_payload_of(maker.authorities, authority_list.issue(swapped, root_of_forger)),
    ]
    for text in lists:
        with pytest.raises(errors.AuthorityListRefused):
            keys.take_authority_list(text)
    (made,) = keys.seal_values(info.key_id)
    assert value.read(made, maker.trust).authority == maker.escrow.public.thumbprint
    assert attacker.public.thumbprint not in made


def _with_payload_of(genuine: str, forged: str) -> str:
    header, _, signature = genuine.split(".")
    return f"{header}.{forged.split('.')[1]}.{signature}"


def test_the_pinned_list_never_goes_back(installed: RunningKeys, maker: Maker) -> None:
    old = maker.authorities
    maker.use_list(maker.make_authorities(version=5))
    assert installed.keys.take_authority_list(maker.authorities) == 5
    assert installed.keys.take_authority_list(maker.authorities) == 5
    with pytest.raises(errors.AuthorityListOlder):
        installed.keys.take_authority_list(old)
    installed.restart()
    with pytest.raises(errors.AuthorityListOlder):
        installed.keys.take_authority_list(old)
    assert installed.keys.status().authority_list_version == 5


def test_without_an_escrow_authority_on_the_list_no_value_is_sealed(
    installed: RunningKeys, maker: Maker
) -> None:
    installed.keys.take_authority_list(maker.make_authorities(version=2, escrow="retired"))
    info = installed.keys.generate(who="a", why="first")
    with pytest.raises(errors.NoAuthority):
        installed.keys.seal_values(info.key_id)


def test_a_list_that_disowns_this_units_device_authority_is_not_taken(
    installed: RunningKeys, maker: Maker
) -> None:
    with pytest.raises(errors.AuthorityListRefused):
        installed.keys.take_authority_list(maker.make_authorities(version=2, device_authority="revoked"))


def test_a_drill_request_carries_the_value_and_names_the_owner(installed: RunningKeys, maker: Maker) -> None:
    info = installed.keys.generate(who="a", why="first")
    with pytest.raises(errors.ValueNotDurable):
        installed.keys.drill_request(info.key_id, purpose="activation")
    (text,) = installed.keys.seal_values(info.key_id)
    with pytest.raises(errors.RequestRefused):
        installed.keys.drill_request(info.key_id, purpose="curiosity")
    request = installed.keys.drill_request(info.key_id, purpose="manual")
    asked, read = drill.read_request(request, maker.trust)
    assert asked.value == text
    assert read.key_id == info.key_id
    assert len(from_b64u(asked.nonce)) == 32
    assert peek(request).claims["purpose"] == "manual"
