"""What the worker starts beside its task: poller and unlock socket, locked or not, and how they end."""

from __future__ import annotations

import threading
import uuid

import pytest

from config.site import site
from manufacturer.custody import keyholder, poller, tasks
from manufacturer.custody.errors import CustodyLocked
from manufacturer.custody.keyholder import KeyHolder
from manufacturer.custody.models import Request
from tests.support.maker import Loss


@pytest.fixture(autouse=True)
def _a_desk_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_DESK_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(poller, "INTERVAL", 0.01)
    (site().secrets / "custody.token").write_text("a-token")


def own_threads() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("custody-")}


def test_locked_custody_starts_waits_for_a_person_and_stops(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyholder, "_holder", None)
    monkeypatch.setattr(tasks, "try_passphrase_file", lambda: False)
    tasks.start()
    assert own_threads() == {"custody-poller", "custody-unlock"}
    with pytest.raises(CustodyLocked):
        tasks.handle(str(uuid.uuid4()))
    tasks.stop()
    assert own_threads() == set()
    assert not (site().run / "unlock.sock").exists()


def test_an_unsafe_passphrase_file_leaves_custody_locked_and_running(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyholder, "_holder", None)
    path = site().secrets / "custody.pass"
    path.write_text("a passphrase others can read")
    path.chmod(0o644)
    tasks.start()
    assert own_threads() == {"custody-poller", "custody-unlock"}
    tasks.stop()
    path.unlink()
    with pytest.raises(CustodyLocked):
        keyholder.holder()


def test_the_task_judges_by_id_alone(loss: Loss, keys: KeyHolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyholder, "_holder", keys)
    row = Request.objects.create(id=uuid.uuid4(), kind="recover", documents=loss.recovery())
    assert tasks.handle(str(row.pk)) == "answered"
    row.refresh_from_db()
    assert row.reply is not None
    assert row.reply["outcome"] == "done"
