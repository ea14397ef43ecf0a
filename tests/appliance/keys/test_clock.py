"""A wrong clock: what expired stays expired when it is set back; one wrong start harms nothing for good."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from appliance.keys import errors
from sealing.documents import head
from tests.appliance.keys.maker import Maker
from tests.appliance.keys.running import RunningKeys
from tests.appliance.keys.test_images import make_head

TEN_YEARS = 10 * 365 * 86400
WRONG_BY = """
import time
real = time.time
time.time = lambda: real() + ({seconds})
"""


@pytest.fixture
def value(new_site: Callable[[str], RunningKeys], maker: Maker) -> str:
    lost = new_site("lost").start()
    lost.install(maker, "78-T0100")
    text = lost.keys.values(lost.make_active(maker))[0]
    lost.kill()
    return text


def test_a_clock_set_back_does_not_bring_an_expired_transfer_back(
    installed: RunningKeys, maker: Maker, value: str
) -> None:
    """The signed times of receipt and proof are remembered; the transfer's was over before them."""
    own = installed.make_active(maker)
    request, record = installed.keys.transfer_request(), installed.keys.status().device_record
    expired = maker.transfer([value], request, record, exp=int(time.time()) - 9)
    installed.kill()
    installed.start(code=WRONG_BY.format(seconds=-TEN_YEARS))
    with pytest.raises(errors.Expired):
        installed.keys.install_transfer(expired, who="ada")
    assert [info.key_id for info in installed.keys.status().epochs] == [own]


def test_a_start_ten_years_ahead_leaves_nothing_expired_afterwards(
    installed: RunningKeys, maker: Maker, value: str
) -> None:
    request, record = installed.keys.transfer_request(), installed.keys.status().device_record
    installed.kill()
    installed.start(code=WRONG_BY.format(seconds=TEN_YEARS))
    text = maker.transfer([value], request, record)
    with pytest.raises(errors.Expired):
        installed.keys.install_transfer(text, who="ada")
    installed.make_active(maker)
    installed.restart()
    assert len(installed.keys.install_transfer(text, who="ada").key_ids) == 1
    assert head.issue(make_head(), installed.keys.signer())


def test_documents_of_a_wrong_time_are_not_signed(installed: RunningKeys) -> None:
    installed.kill()
    installed.start(code=WRONG_BY.format(seconds=TEN_YEARS))
    with pytest.raises(errors.ClaimRefused):
        head.issue(make_head(), installed.keys.signer())
