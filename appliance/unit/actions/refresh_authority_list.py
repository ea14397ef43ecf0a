"""Fetch the newest list of authority keys, or take one from a file."""

from __future__ import annotations

from django.db import transaction

from appliance.unit.selectors import unit, unit_with_desk
from audit.actor import Actor
from jobs.actions import start_job
from jobs.models import Job


def refresh_authority_list(*, actor: Actor, text: str | None = None) -> Job:
    """Start the job; the key process believes the list only under its pinned root, and never an older one."""
    with transaction.atomic():
        row = unit() if text else unit_with_desk()
        return start_job(
            "unit.authority-list",
            actor=actor,
            params={"list": "".join((text or "").split())},
            subject=f"unit:{row.serial}",
        )
