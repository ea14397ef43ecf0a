"""The SFTP target: the common suite against a real server, and what only SFTP can do to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.backup.targets import Target
from appliance.backup.targets.sftp import SftpTarget
from tests.appliance.backup.targets.conformance import TargetConformance
from tests.support.stores import SFTP_PASSWORD, SftpServer


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    made = SftpServer(tmp_path_factory.mktemp("sftp"))
    yield made
    made.close()


@pytest.fixture
def server(standing: SftpServer) -> Iterator[SftpServer]:
    """The server with an empty directory `repository`."""
    (standing.root / "repository").mkdir()
    yield standing
    shutil.rmtree(standing.root / "repository")


@pytest.fixture
def target(server: SftpServer) -> Iterator[SftpTarget]:
    made = SftpTarget(server.settings(), {"password": SFTP_PASSWORD}, private=True)
    yield made
    made.close()


class TestSftp(TargetConformance):
    def plant(self, target: Target, name: str, data: bytes) -> None:
        assert isinstance(target, SftpTarget)
        target._make_directories(name)

        async def write(sftp: Any) -> None:
            async with sftp.open(f"{target.root}/{name}", "wb") as file:
                await file.write(data)

        target._run("planting", write)
