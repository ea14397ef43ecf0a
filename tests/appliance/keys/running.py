"""A real key process for a test: started on a directory of its own, stopped or killed by the test."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from appliance.keys.client import EpochInfo, KeyProcess, Status
from appliance.keys.errors import ProcessUnreachable
from tests.appliance.keys.maker import Maker
from tests.support.nursery import PROJECT, Born, nursery

SERIAL = "78-T0001"


class RunningKeys:
    """The key process of one site directory."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.process: subprocess.Popen[bytes] | Born | None = None
        self.keys = KeyProcess(site / "run" / "keys.sock", patience=0)

    @property
    def log(self) -> Path:
        return self.site / "log" / "keys.log"

    def start(self, *options: str, code: str = "") -> RunningKeys:
        """Start and wait until it answers. `code` runs in the process first (to kill it at a step)."""
        assert self.process is None
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.process = nursery().bear(
            ["--site", str(self.site), *options], log=self.log, code=code, environment=os.environ
        )
        self.wait_ready()
        return self

    def start_as_a_command(self) -> RunningKeys:
        """Start as the supervisor does, from nothing."""
        assert self.process is None
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "appliance.keys.process", "--site", str(self.site)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=PROJECT, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(PROJECT)}
            )
        self.wait_ready()
        return self

    def wait_ready(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                self.keys.status()
            except ProcessUnreachable:
                assert self.process is not None
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, "the key process did not answer"
                time.sleep(0.005)
            else:
                return

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=10)
            self.process = None

    def stop(self) -> None:
        """SIGTERM; the exit status must be 0."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(timeout=10)
        self.process = None
        assert status == 0, self.log.read_text()

    def restart(self) -> None:
        """Killed and started again: what a crash does."""
        self.kill()
        self.start()

    def initialise(self, maker: Maker, serial: str = SERIAL, model: str = "SR-200") -> Status:
        """Through the factory."""
        request = self.keys.factory_begin(serial=serial, model=model)
        return self.keys.factory_finish(maker.sign_device(request))

    def install(self, maker: Maker, serial: str = SERIAL) -> Status:
        """Through the factory and the first installation."""
        return self.keys.enrol(maker.enrol(self.initialise(maker, serial)))

    def epoch(self, key_id: str) -> EpochInfo:
        """What the key process says of a key that must be there."""
        found = self.keys.status().epoch(key_id)
        assert found is not None
        return found

    def make_active(self, maker: Maker, **generate: Any) -> str:
        """One whole rotation with the maker as desk and custody; the key id."""
        info = self.keys.generate(**{"who": "test", "why": "rotation", **generate})
        (text,) = self.keys.seal_values(info.key_id)
        self.keys.accept_receipt(info.key_id, maker.receive(text))
        self.keys.check_drill(maker.prove(self.keys.drill_request(info.key_id, purpose="activation")))
        self.keys.activate(info.key_id, who="test", why="rotation")
        return info.key_id
