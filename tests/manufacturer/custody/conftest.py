"""A custody with keys in memory and its own store, driven as the worker drives it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.maker import Ask, Loss, Maker

if TYPE_CHECKING:
    from manufacturer.custody.keyholder import KeyHolder


@pytest.fixture
def maker(db: None) -> Maker:
    from manufacturer.custody import trust

    made = Maker()
    trust.begin(made.root, made.authority_list, made.roster)
    return made


@pytest.fixture
def keys(maker: Maker) -> KeyHolder:
    from manufacturer.custody.keyholder import KeyHolder

    return KeyHolder(maker.custody_key, [maker.escrow])


@pytest.fixture
def ask(keys: KeyHolder) -> Ask:
    """Put a request where the poller puts it, judge it, and give the answer that would be posted."""
    from manufacturer.custody.engine.handle import handle_request
    from manufacturer.custody.models import Request

    def ask(kind: str, documents: Any, *, now: int | None = None) -> dict[str, Any]:
        row = Request.objects.create(id=uuid.uuid4(), kind=kind, documents=documents)
        handle_request(str(row.pk), keys, now=now)
        row.refresh_from_db()
        assert row.reply is not None
        return dict(row.reply)

    return ask


@pytest.fixture
def loss(maker: Maker) -> Loss:
    return Loss(maker, "acme")
