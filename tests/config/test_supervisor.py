"""The supervisor restarts what dies, ends whole groups, and hands secrets over without a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.supervisor.processes import Phase, Program, sealed_memfd
from config.supervisor.supervisor import NotReadyError, Supervisor


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    running = Supervisor()
    yield running
    running.stop()


def program(tmp_path: Path, name: str, code: str, **more: object) -> Program:
    mark = tmp_path / f"{name}.ready"
    options: dict[str, object] = {
        "name": name,
        "command": [sys.executable, "-S", "-c", code, str(mark)],
        "directory": tmp_path,
        "log": tmp_path / "log" / f"{name}.log",
        "ready": mark.exists,
        "before": lambda: mark.unlink(missing_ok=True),
        "environment": {},
    }
    return Program(**(options | more))  # type: ignore[arg-type]


SERVE = "import sys, time, pathlib; pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
PARENT = """
import os, sys, time, pathlib
child = os.fork()
if child == 0:
    time.sleep(60)
pathlib.Path(sys.argv[1]).write_text(str(child))
time.sleep(60)
"""


def eventually(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie still has its number; it runs nothing any more.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_process_that_ends_at_once_is_named_with_its_log(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.add([program(tmp_path, "broken", "raise SystemExit('the reason')")])
    with pytest.raises(NotReadyError, match="the reason"):
        supervisor.wait_ready(["broken"], 1)


def test_restarts_in_a_row_wait_longer_each_time(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.add([program(tmp_path, "broken", "print('once', flush=True)")])
    eventually(lambda: "broken" in supervisor.phases() and supervisor.restarts("broken") == 3)
    log = tmp_path / "log" / "broken.log"
    assert log.read_text().count("once") == 3
    assert supervisor.phases()["broken"] is Phase.WAITING


def test_a_killed_process_is_started_again(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.add([program(tmp_path, "server", SERVE)])
    supervisor.wait_ready(["server"], 10)
    killed = supervisor.kill("server")
    eventually(lambda: supervisor.pid("server") != killed)
    supervisor.wait_ready(["server"], 10)
    assert supervisor.restarts("server") == 1


def test_stopping_ends_the_children_of_children(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.add([program(tmp_path, "parent", PARENT)])
    supervisor.wait_ready(["parent"], 10)
    mark = tmp_path / "parent.ready"
    eventually(lambda: mark.read_text() != "")
    grandchild = int(mark.read_text())
    assert is_alive(grandchild)
    supervisor.stop()
    eventually(lambda: not is_alive(grandchild))


def test_a_program_waits_for_the_one_it_leans_on(tmp_path: Path, supervisor: Supervisor) -> None:
    never = program(tmp_path, "never", "import time; time.sleep(60)")
    supervisor.add([never, program(tmp_path, "leaning", SERVE, once_ready=["never"])])
    with pytest.raises(NotReadyError, match="leaning is stopped"):
        supervisor.wait_ready(["leaning"], 0.5)


def test_removed_programs_stay_away(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.add([program(tmp_path, "server", SERVE)])
    supervisor.wait_ready(["server"], 10)
    pid = supervisor.pid("server")
    supervisor.remove(["server"])
    assert "server" not in supervisor.phases()
    assert pid is not None
    assert not is_alive(pid)


def test_a_secret_arrives_as_a_descriptor_and_in_no_variable(tmp_path: Path, supervisor: Supervisor) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 32)
    code = (
        "import os, sys, time, pathlib\n"
        "content = os.pread(int(os.environ['KEY_FD']), 100, 0)\n"
        "shown = any('ssss' in value for value in os.environ.values())\n"
        "pathlib.Path(sys.argv[1]).write_text(f'{len(content)} {shown}')\n"
        "time.sleep(60)"
    )
    supervisor.add([program(tmp_path, "holder", code, secret_fds={"KEY_FD": secret})])
    supervisor.wait_ready(["holder"], 10)
    mark = tmp_path / "holder.ready"
    eventually(lambda: mark.read_text() != "")
    assert mark.read_text() == "32 False"


def test_a_handed_secret_cannot_be_changed() -> None:
    fd = sealed_memfd(b"fixed")
    with pytest.raises(PermissionError):
        os.pwrite(fd, b"other", 0)
    os.close(fd)


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    code = f"""
import sys, time
sys.path.insert(0, {os.getcwd()!r})
from tests.config.test_supervisor import SERVE, program
from config.supervisor.supervisor import Supervisor
from pathlib import Path
supervisor = Supervisor()
supervisor.add([program(Path({str(tmp_path)!r}), "orphan", SERVE)])
supervisor.wait_ready(["orphan"], 10)
print(supervisor.pid("orphan"), flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        assert is_alive(orphan)
        parent.send_signal(signal.SIGKILL)
    eventually(lambda: not is_alive(orphan))
