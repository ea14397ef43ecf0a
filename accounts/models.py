"""People, their roles and their tokens."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from knox.models import AbstractAuthToken

from ground.db.models import BaseModel


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=normal_username(username or ""))


def normal_username(username: str) -> str:
    """One spelling of a username: NFKC, without surrounding blanks, case folded."""
    return AbstractBaseUser.normalize_username(username).strip().casefold()


class User(AbstractBaseUser):  # type: ignore[django-manager-missing]  # knox ships no types
    """A person who signs in. Others meet people by UUID and display name, never by username.

    `customer_id` ties a contact at the desk to one customer; it is a UUID and no foreign key, because
    accounts know nothing of the registry above them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    username = models.CharField(max_length=150, unique=True)
    display_name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    customer_id = models.UUIDField(null=True, blank=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        ordering = ["username"]

    def __str__(self) -> str:
        return self.display_name or self.username

    def clean(self) -> None:
        super().clean()
        self.username = normal_username(self.username)

    @property
    def roles(self) -> frozenset[str]:
        """Roles held now: read once for each instance, and an instance lives for one request."""
        held: frozenset[str] | None = self.__dict__.get("_roles")
        if held is None:
            held = frozenset(grant.role for grant in self.grants.all()) if self.is_active else frozenset()
            self.__dict__["_roles"] = held
        return held

    def has_role(self, *any_of: str) -> bool:
        """True if the person holds at least one of these roles and may sign in."""
        return not self.roles.isdisjoint(any_of)

    def forget_roles(self) -> None:
        """Roles were changed: read them again."""
        self.__dict__.pop("_roles", None)
        getattr(self, "_prefetched_objects_cache", {}).pop("grants", None)

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        self.forget_roles()
        super().refresh_from_db(*args, **kwargs)


class RoleGrant(BaseModel):
    """One role of one person: a row, so that who granted it and when is known."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=40)
    granted_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["role"]
        constraints = [
            models.UniqueConstraint(fields=["user", "role"], name="accounts_rolegrant_once"),
        ]

    def __str__(self) -> str:
        return self.role


class ApiToken(AbstractAuthToken):
    """A token for programs: only its SHA-512 is stored; `id` names it in addresses, `name` to people."""

    id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100)
    issued_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.name
