"""A unit, its people and the keys its engine would hold.

Django's apps are not loaded yet when pytest imports this: rooms are imported within the fixtures.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from config.site import Site

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from accounts.models import User
    from appliance.content.models import Upload
    from appliance.unit.models import Unit
    from tests.appliance.catalog.world import Keys


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No broker stands beside these tests: they do jobs by hand, as a sweeper would."""
    monkeypatch.setattr("jobs.broker.send", lambda _: False)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Keys:
    from appliance.catalog import tasks
    from appliance.content.engine import opening
    from tests.appliance.catalog.world import Keys

    held = Keys()
    monkeypatch.setattr(tasks, "engine_keys", held)
    monkeypatch.setattr(opening, "engine_keys", held)
    return held


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool and a store for each test: processes that run tests side by side share the site."""
    place = Site(tmp_path / "site")
    settings.SITE = place
    monkeypatch.setattr("appliance.content.engine.opening.site", lambda: place)


@pytest.fixture(autouse=True)
def unit(transactional_db: Any) -> Unit:
    from appliance.unit.models import Unit
    from sealing.encoding import b64u
    from tests.appliance.catalog.world import PRIVATE

    return Unit.objects.create(
        serial="SR-1", state=Unit.State.IN_SERVICE, spool_public_key=b64u(PRIVATE.public.raw)
    )


@pytest.fixture
def person() -> Callable[..., User]:
    from accounts.actions import create_user
    from tests.appliance.catalog.world import ACTOR

    def make(name: str, *roles: str) -> User:
        return create_user(actor=ACTOR, username=name, password="a long enough password", roles=roles)[0]

    return make


@pytest.fixture
def member(person: Callable[..., User]) -> User:
    return person("mia", "member")


@pytest.fixture
def api() -> Callable[[User], APIClient]:
    from rest_framework.test import APIClient

    from accounts.actions import issue_token
    from tests.appliance.catalog.world import ACTOR

    def sign_in(user: User) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_token(actor=ACTOR, user=user, name='t')[1]}")
        return client

    return sign_in


@pytest.fixture
def uploaded(member: User) -> Callable[..., Upload]:
    """An upload of these bytes, as the upload protocol leaves it; `upto` leaves it unfinished."""

    from appliance.content.actions.create_upload import create_upload
    from audit.actor import Actor
    from tests.appliance.catalog.world import send

    def make(content: bytes, *, upto: int | None = None, owner: User = member, **facts: Any) -> Upload:
        upload = create_upload(actor=Actor.user(owner), owner=owner, length=len(content), **facts)
        send(upload, content[:upto])
        return upload

    return make
