"""A person has seen notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from appliance.notices.models import Notice, NoticeRead
from appliance.notices.selectors import unread

if TYPE_CHECKING:
    from accounts.models import User


def mark_read(notice: Notice, *, user: User) -> None:
    """This person has read this notice; twice is harmless."""
    NoticeRead.objects.bulk_create([NoticeRead(notice=notice, user=user)], ignore_conflicts=True)


def mark_all_read(*, user: User) -> int:
    """This person has read all there are now; how many were new."""
    with transaction.atomic():
        waiting = list(unread(user))
        NoticeRead.objects.bulk_create(
            [NoticeRead(notice=notice, user=user) for notice in waiting], ignore_conflicts=True
        )
    return len(waiting)
