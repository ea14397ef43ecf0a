"""A world under fire for each file of kills: they run side by side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.strikes import Struck, world_under_fire


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Struck]:
    with world_under_fire(tmp_path_factory.mktemp("disks")) as struck:
        yield struck
