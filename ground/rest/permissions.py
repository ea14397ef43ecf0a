"""Permission by role. Asks the signed-in person, whatever room they come from, for `has_role`."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

READING = ("GET", "HEAD", "OPTIONS")


class HasRole:
    """``permission_classes = [HasRole("admin", reading=("auditor",))]``: at least one of these roles.

    `reading` are roles that may send safe methods only. Roles are read from rows at each request.
    """

    def __init__(self, *any_of: str, reading: tuple[str, ...] = ()) -> None:
        self.any_of = any_of
        self.reading = reading

    def __call__(self) -> BasePermission:
        return RolePermission(self.any_of, self.reading)


class RolePermission(BasePermission):
    def __init__(self, any_of: tuple[str, ...], reading: tuple[str, ...]) -> None:
        self.any_of = any_of
        self.reading = reading

    def has_permission(self, request: Request, view: Any) -> bool:
        has_role = getattr(request.user, "has_role", None)
        if has_role is None:
            return False
        return bool(has_role(*self.any_of, *(self.reading if request.method in READING else ())))
