"""The request of a view that only signed-in people reach (`login_required` or `role_required` see to it)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from accounts.models import User


class PageRequest(HttpRequest):
    """A request whose user is an account; for types only, Django makes the object."""

    user: User
