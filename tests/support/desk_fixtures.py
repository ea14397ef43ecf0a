"""The desk with a ceremony's bundle imported and its front-desk key in place."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.maker import Maker

if TYPE_CHECKING:
    from tests.support.desk import Desk

PASSPHRASE = "a passphrase for tests"


@pytest.fixture(scope="session")
def manufacturer() -> Maker:
    """One manufacturer for the whole run, wherever this is imported: the site has one front-desk key."""
    return _with_its_key_in_place()


@cache
def _with_its_key_in_place() -> Maker:
    from sealing.passphrase import Passphrase, seal_key

    made, site = Maker(), Path(os.environ["STRONGROOM_SITE_DIR"])
    for folder in ("keys", "secrets"):
        (site / folder).mkdir(parents=True, exist_ok=True)
    text = seal_key(made.desk_key, Passphrase.of(PASSPHRASE), use="front-desk", name="front desk")
    (site / "keys" / "front-desk.key").write_text(text)
    (site / "secrets" / "front-desk.pass").write_text(PASSPHRASE)
    return made


@pytest.fixture
def desk(manufacturer: Maker, db: Any) -> Desk:
    from tests.support.desk import Desk

    return Desk(manufacturer)
