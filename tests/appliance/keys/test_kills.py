"""Power cuts inside the key process: killed at every disk operation of every step, then started again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appliance.keys import errors
from tests.appliance.keys.maker import Maker
from tests.appliance.keys.running import RunningKeys

# Dies at the Nth operation that changes the disk, before doing it.
KILL_AT = """
import os, signal
from ground.files import fs
class Dying(fs.Fs):
    left = {n}
    def _step(self, operation, path, action, *, data=b"", descriptor=-1):
        Dying.left -= 1
        if Dying.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return action()
fs._current = Dying()
"""
OPERATIONS_OF_A_COMMIT = 6  # create, write, fsync, rename, fsync of the folder, then the oldest version goes


def one_rotation(unit: RunningKeys, maker: Maker) -> str:
    """As the engine does it: every step asked for again until it answers."""
    return unit.make_active(maker)


@pytest.mark.parametrize("n", range(40))
def test_a_rotation_killed_at_any_operation_is_finished_by_the_next_run(
    installed: RunningKeys, maker: Maker, n: int
) -> None:
    first = installed.make_active(maker)
    former = installed.keys.data_keys().active
    assert former is not None
    installed.kill()
    installed.start(code=KILL_AT.format(n=n))
    with pytest.raises(errors.ProcessUnreachable):
        [one_rotation(installed, maker) for _ in range(10)]
    installed.kill()
    installed.start()
    status = installed.keys.status()
    assert status.active is not None
    assert status.active.proof is not None
    assert status.active.durable
    assert former.data_key_id in installed.keys.data_keys().data_keys
    second = one_rotation(installed, maker)
    after = installed.keys.status()
    assert after.active is not None
    assert after.active.key_id == second
    assert sum(info.state == "active" for info in after.epochs) == 1
    assert after.pending is None
    assert installed.epoch(first).state == "deactivated"
    assert installed.keys.data_keys().data_keys[former.data_key_id] == former.key


@pytest.mark.parametrize("n", range(OPERATIONS_OF_A_COMMIT))
def test_an_installation_killed_at_any_operation_happens_once(
    new_site: Callable[[str], RunningKeys], maker: Maker, n: int
) -> None:
    lost = new_site("lost").start()
    lost.install(maker, "78-T0100")
    value = lost.keys.values(lost.make_active(maker))[0]
    lost.kill()
    blank = new_site("blank").start()
    blank.initialise(maker)
    text = maker.transfer([value], blank.keys.transfer_request(), blank.keys.status().device_record)
    blank.kill()
    blank.start(code=KILL_AT.format(n=n))
    with pytest.raises(errors.ProcessUnreachable):
        _install_and_go_on(blank, text)
    blank.kill()
    blank.start()
    _install(blank, text)
    with pytest.raises(errors.Replayed):
        blank.keys.install_transfer(text, who="ada")
    status = blank.keys.status()
    assert len(status.epochs) == 1
    assert blank.keys.installation() is not None


def _install_and_go_on(unit: RunningKeys, text: str) -> None:
    """The last operation of the installation tidies up: the next commit meets what is left of the fuse."""
    _install(unit, text)
    unit.keys.transfer_request()


def _install(unit: RunningKeys, text: str) -> bool:
    try:
        unit.keys.install_transfer(text, who="ada")
    except errors.Replayed:
        return False
    return True


@pytest.mark.parametrize("n", range(8, 28, 3))  # after the folders are made, before the enrolment is in
def test_a_factory_killed_at_any_operation_begins_again(
    new_site: Callable[[str], RunningKeys], maker: Maker, n: int
) -> None:
    unit = new_site("unit").start(code=KILL_AT.format(n=n))
    with pytest.raises(errors.ProcessUnreachable):
        unit.install(maker)
    unit.kill()
    unit.start()
    _finish_factory(unit, maker)
    unit.make_active(maker)


def _finish_factory(unit: RunningKeys, maker: Maker) -> None:
    """As a person does it: go on from what the unit says it is."""
    if unit.keys.status().state != "ready":
        unit.initialise(maker)
    unit.keys.enrol(maker.enrol(unit.keys.status()))


def test_a_full_disk_refuses_and_changes_nothing(installed: RunningKeys, maker: Maker) -> None:
    installed.make_active(maker)
    before = installed.keys.status()
    installed.kill()
    installed.start(
        code="""
import errno, os
from ground.files import fs
class Full(fs.Fs):
    def _step(self, operation, path, action, *, data=b"", descriptor=-1):
        if operation == "write":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return action()
fs._current = Full()
"""
    )
    for call in (
        lambda: installed.keys.generate(who="a", why="b"),
        installed.keys.transfer_request,
        lambda: installed.keys.id_key("fresh"),
    ):
        with pytest.raises(errors.StorageFailed):
            call()
    installed.restart()
    assert installed.keys.status() == before
