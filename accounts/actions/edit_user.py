"""Change what is shown of a person."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts.models import User
from audit.actor import Actor
from audit.log import record
from ground.refusals import Invalid


def edit_user(*, actor: Actor, user: User, display_name: str | None = None, email: str | None = None) -> User:
    """Change display name or mail address; what is None stays."""
    changed = {}
    if display_name is not None:
        changed["display_name"] = display_name.strip()[:150]
    if email is not None:
        if email:
            try:
                validate_email(email)
            except ValidationError:
                raise Invalid(fields={"email": ["not a mail address"]}) from None
        changed["email"] = email
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(**changed)
        record("accounts.edited", actor=actor, subject=f"user:{user.id}", facts={"fields": sorted(changed)})
    user.refresh_from_db()
    return user
