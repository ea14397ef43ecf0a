"""What the engine gets for images: data keys, wrapping, unwrapping, signatures."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from appliance.keys import errors
from appliance.keys.client import ImageWrapping
from sealing.content.header import ChainLink, FileRef, ImageHeader
from sealing.documents import head, image_header
from sealing.documents.base import digest
from sealing.encoding import b64u
from sealing.jose import KeySigner
from sealing.secret import SecretExposed
from tests.appliance.keys.maker import Maker
from tests.appliance.keys.running import SERIAL, RunningKeys
from tests.sealing.world import APPLIANCE, CUSTOMER, TARGET_ID


def make_header(wrapping: ImageWrapping, **changes: Any) -> ImageHeader:
    now = int(time.time())
    header = ImageHeader(
        image=str(uuid.uuid4()),
        serial=SERIAL,
        customer=CUSTOMER.id,
        appliance=APPLIANCE.id,
        made_at=now,
        started_at=now - 60,
        key_id=wrapping.key_id,
        epoch=wrapping.epoch,
        values=wrapping.values,
        wrapped=dict(wrapping.wrapped),
        proof=dict(wrapping.proof),
        manifest=FileRef.of(b"manifest"),
        pack_list=FileRef.of(b"packs"),
        packs=1,
        objects=1,
        content_bytes=1,
        stored_bytes=1,
        migrations={"appliance_unit": "0001_initial"},
        release="0.1.0",
        chain=ChainLink(TARGET_ID, 1, None),
    )
    return replace(header, **changes)


def make_head(**changes: Any) -> head.Head:
    claims = head.Head(
        serial=SERIAL,
        customer=CUSTOMER.id,
        appliance=APPLIANCE.id,
        target=TARGET_ID,
        sequence=1,
        header=digest("aaaa.bbbb.cccc"),
        previous=None,
        iat=int(time.time()),
    )
    return replace(claims, **changes)


def test_secrets_that_reach_the_engine_do_not_print(installed: RunningKeys, maker: Maker) -> None:
    installed.make_active(maker)
    held = installed.keys.data_keys()
    wrapping = installed.keys.wrap_for_image([])
    for thing in (held, held.active, wrapping, wrapping.image_key):
        with pytest.raises(SecretExposed):
            repr(thing)
        with pytest.raises(SecretExposed):
            f"{thing}"


def test_no_verb_answers_with_a_backup_key(installed: RunningKeys, maker: Maker) -> None:
    key_id = installed.make_active(maker)
    (text,) = installed.keys.values(key_id)
    secret = maker.open_value(text).secret.reveal()
    keys = installed.keys
    wrapping = keys.wrap_for_image([])
    answers = [
        keys._call("status"),
        keys._call("data_keys"),
        keys._call("values", key_id=key_id),
        keys._call("wrap_for_image", data_key_ids=[]),
        keys._call("unwrap_image", key_id=key_id, wrapped=dict(wrapping.wrapped), adopt=False),
        keys._call("signer"),
        keys._call("transfer_request"),
        keys._call("drill_request", key_id=key_id, purpose="manual"),
    ]
    for answer in answers:
        assert b64u(secret) not in str(answer)
        assert secret.hex() not in str(answer)


@pytest.mark.parametrize("kind", ["symmetric", "hybrid"])
def test_what_was_wrapped_unwraps_to_the_same_keys(installed: RunningKeys, maker: Maker, kind: str) -> None:
    first = installed.make_active(maker, kind=kind)
    keys = installed.keys
    keys.id_key("default")
    old = keys.data_keys().active
    installed.make_active(maker, kind=kind)
    new = keys.data_keys().active
    assert old is not None
    assert new is not None
    wrapping = keys.wrap_for_image([old.data_key_id])
    opened = keys.unwrap_image(key_id=wrapping.key_id, wrapped=wrapping.wrapped)
    assert opened.data_keys == {old.data_key_id: old.key, new.data_key_id: new.key}
    assert (opened.image_key_id, opened.image_key.reveal()) == (
        wrapping.image_key_id,
        wrapping.image_key.reveal(),
    )
    assert opened.id_keys == keys.data_keys().id_keys
    assert first != wrapping.key_id


def swap(wrapped: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with one member changed."""
    if not path:
        return value
    copy = dict(wrapped) if isinstance(wrapped, dict) else list(wrapped)
    copy[path[0]] = swap(wrapped[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize(
    "change",
    [
        lambda w, d: swap(w, ("data_keys", d), w["image_key"]["wrapped"]),
        lambda w, d: swap(w, ("image_key", "wrapped"), w["data_keys"][d]),
        lambda w, d: swap(w, ("id_keys", 0, "wrapped"), w["data_keys"][d]),
        lambda w, d: swap(w, ("data_keys",), {"f" * 32: w["data_keys"][d]}),
        lambda w, d: swap(w, ("data_keys", d), w["data_keys"][d][:-4] + "AAAA"),
        lambda w, d: swap(w, ("data_keys", d), ""),
        lambda w, _d: swap(w, ("commitment",), w["commitment"][:-4] + "AAAA"),
        lambda w, _d: swap(w, ("kind",), "hybrid"),
    ],
)
def test_wrapped_keys_exchanged_or_altered_do_not_open(
    standing: RunningKeys, change: Callable[[dict[str, Any], str], dict[str, Any]]
) -> None:
    keys = standing.keys
    active = keys.data_keys().active
    assert active is not None
    wrapping = keys.wrap_for_image([])
    with pytest.raises(errors.ImageUnreadable):
        keys.unwrap_image(key_id=wrapping.key_id, wrapped=change(dict(wrapping.wrapped), active.data_key_id))


def test_an_image_of_an_unknown_or_destroyed_key_is_refused(installed: RunningKeys, maker: Maker) -> None:
    first = installed.make_active(maker)
    wrapping = installed.keys.wrap_for_image([])
    with pytest.raises(errors.ImageUnreadable):
        installed.keys.unwrap_image(key_id="0" * 32, wrapped=wrapping.wrapped)
    installed.make_active(maker)
    installed.keys.unwrap_image(key_id=first, wrapped=wrapping.wrapped)
    installed.keys.destroy(first, who="ada", why="no image left")
    with pytest.raises(errors.ImageUnreadable):
        installed.keys.unwrap_image(key_id=first, wrapped=wrapping.wrapped)


def test_the_id_key_of_a_tenant_survives_clean_rotations_and_restarts(
    installed: RunningKeys, maker: Maker
) -> None:
    installed.make_active(maker)
    mine = installed.keys.id_key("default")
    assert installed.keys.id_key("other") != mine
    installed.make_active(maker)
    installed.restart()
    assert installed.keys.id_key("default") == mine
    with pytest.raises(errors.RequestRefused):
        installed.keys.id_key("no/tenant")


def test_a_header_of_this_unit_and_key_is_signed(installed: RunningKeys, maker: Maker) -> None:
    installed.make_active(maker)
    wrapping = installed.keys.wrap_for_image([])
    text = image_header.issue(make_header(wrapping), installed.keys.signer())
    assert image_header.read(text, maker.trust).header.key_id == wrapping.key_id


@pytest.mark.parametrize(
    "changes",
    [
        {"serial": "78-OTHER"},
        {"customer": "99999999-9999-4999-8999-999999999999"},
        {"appliance": "99999999-9999-4999-8999-999999999999"},
        {"made_at": 1_700_000_000},
        {"made_at": 4_000_000_000},
        {"key_id": "0" * 32},
        {"epoch": 2},
        {"values": ("aaaa.bbbb.cccc",)},
        {"values": ()},
        {"proof": {"by": "waived"}},
        {"proof": {}},
        {"wrapped": {}},
    ],
)
def test_a_header_that_says_what_is_not_so_is_not_signed(
    standing: RunningKeys, changes: dict[str, Any]
) -> None:
    header = make_header(standing.keys.wrap_for_image([]), **changes)
    with pytest.raises(errors.ClaimRefused):
        image_header.issue(header, standing.keys.signer())


def test_documents_off_the_list_and_other_units_names_are_not_signed(
    installed: RunningKeys, maker: Maker, new_site: Any
) -> None:
    installed.make_active(maker)
    signer = installed.keys.signer()
    off_the_list = [
        maker.make_value(
            maker.open_value(installed.keys.values(installed.keys.status().epochs[0].key_id)[0])
        ),
        installed.keys.transfer_request(),
        maker.authorities,
    ]
    for text in off_the_list:
        with pytest.raises(errors.ClaimRefused):
            signer.sign(text.rsplit(".", 1)[0].encode())
    for junk in (b"", b"a", b"a.b", b"\xff.\xff", b"e30.e30"):
        with pytest.raises(errors.ClaimRefused):
            signer.sign(junk)
    other = new_site("other").start()
    other.install(maker, "78-T0002")
    borrowed = KeySigner(maker.source.signing, kid=signer.kid, chain=signer.chain)
    borrowed.sign = other.keys.sign  # type: ignore[method-assign]  # another unit asked to sign in our name
    with pytest.raises(errors.ClaimRefused):
        head.issue(make_head(), borrowed)


def test_a_head_is_signed_for_this_unit_now(installed: RunningKeys, maker: Maker) -> None:
    text = head.issue(make_head(), installed.keys.signer())
    assert head.read(text, maker.trust).serial == SERIAL
    for changes in ({"serial": "78-OTHER"}, {"iat": 1_700_000_000}, {"customer": TARGET_ID}):
        with pytest.raises(errors.ClaimRefused):
            head.issue(make_head(**changes), installed.keys.signer())


def test_a_backup_that_ran_through_a_rotation_ends_under_its_own_epoch(
    installed: RunningKeys, maker: Maker
) -> None:
    installed.make_active(maker)
    wrapping = installed.keys.wrap_for_image([])
    installed.make_active(maker)
    text = image_header.issue(make_header(wrapping), installed.keys.signer())
    assert image_header.read(text, maker.trust).header.epoch == 1
