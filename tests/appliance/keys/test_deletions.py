"""The key process signs away only images of its own unit, in their order."""

from __future__ import annotations

import time
from typing import Any

import pytest

from appliance.keys import errors
from sealing.documents import deletion_record
from sealing.jose import write
from tests.appliance.keys.maker import Maker
from tests.appliance.keys.running import SERIAL, RunningKeys
from tests.sealing.world import TARGET_ID
from tests.vectors.make_deletion import record


def claims_now(keys: RunningKeys, **changes: Any) -> deletion_record.DeletionRecord:
    now = int(time.time())
    active = keys.keys.status().active
    assert active is not None
    good = {"key_id": active.key_id, "made_at": now - 90, "expired_at": now - 60, "iat": now}
    return record(SERIAL, **{**good, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"key_id": "ab" * 16},
        {"customer": TARGET_ID},
        {"appliance": TARGET_ID},
        {"iat": 1_990_000_000},
        {"made_at": 1_990_000_000},
        {"expired_at": 1_500_000_001},
        {"sequence": 1},
        {"previous": None},
    ],
)
def test_a_record_that_says_what_is_not_so_is_not_signed(
    standing: RunningKeys, changes: dict[str, Any]
) -> None:
    claims = claims_now(standing, **changes)
    with pytest.raises(errors.ClaimRefused):
        # past the check of `issue`: an engine that was taken over asks for what it likes
        write(deletion_record.FORM, claims.to_json(), standing.keys.signer())


def test_a_record_for_another_serial_is_not_signed(standing: RunningKeys) -> None:
    claims = record("78-OTHER", iat=int(time.time()))
    with pytest.raises(errors.ClaimRefused):
        write(deletion_record.FORM, claims.to_json(), standing.keys.signer())


def test_a_record_of_an_own_image_is_signed(standing: RunningKeys, maker: Maker) -> None:
    text = deletion_record.issue(claims_now(standing), standing.keys.signer())
    assert deletion_record.read(text, maker.trust).reason == "retention"
