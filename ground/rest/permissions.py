"""Permission by role. Asks the signed-in person, whatever room they come from, for `has_role`."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

READING = ("GET", "HEAD", "OPTIONS")


class RolePermission(BasePermission):
    """The base of what `HasRole` makes."""

    def any_of(self) -> tuple[str, ...]:
        """Roles of which one is needed."""
        raise NotImplementedError

    def reading(self) -> tuple[str, ...]:
        """Roles of which one is enough for methods that change nothing."""
        return ()

    def has_permission(self, request: Request, view: Any) -> bool:
        del view
        has_role = getattr(request.user, "has_role", None)
        if has_role is None:
            return False
        return bool(has_role(*self.any_of(), *(self.reading() if request.method in READING else ())))


def HasRole(*any_of: str, reading: tuple[str, ...] = ()) -> type[BasePermission]:
    """``permission_classes = [HasRole("admin", reading=("auditor",))]``: at least one of these roles.

    `reading` are roles that may send safe methods only. Roles are read from rows at each request.
    """

    class Permission(RolePermission):
        def any_of(self) -> tuple[str, ...]:
            return any_of

        def reading(self) -> tuple[str, ...]:
            return reading

    return Permission
