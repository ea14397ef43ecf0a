"""Change a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from appliance.backup.models import BackupTarget
from appliance.schedules import calendar
from appliance.schedules.actions.add_schedule import check_choice, check_target, checked_name
from appliance.schedules.errors import NameTaken
from appliance.schedules.models import BackupSchedule
from audit.actor import Actor
from audit.log import record


def edit_schedule(
    schedule: BackupSchedule,
    *,
    actor: Actor,
    name: str | None = None,
    target: BackupTarget | None = None,
    rule: Mapping[str, Any] | None = None,
    zone: str | None = None,
    which: str | None = None,
    depth: str | None = None,
    catch_up: bool | None = None,
) -> BackupSchedule:
    """What is not given stays; what it runs (backup or verification) does not change.

    A changed rule or zone counts from now: runs of the old one that did not happen are not made up for.
    """
    changed: dict[str, Any] = {}
    if name is not None:
        changed["name"] = checked_name(name)
    if which is not None:
        check_choice("which", which, BackupSchedule.Which.values)
        changed["which"] = which
    if depth is not None:
        check_choice("depth", depth, BackupSchedule.Depth.values)
        changed["depth"] = depth
    if catch_up is not None:
        changed["catch_up"] = catch_up
    if target is not None:
        check_target(schedule.task, target)
        changed |= {
            "target_id": target.pk,
            "target_name": target.name,
            "repository_id": target.repository_id,
        }
    parsed = calendar.parse(schedule.rule if rule is None else rule)
    place = calendar.zone_of(schedule.zone if zone is None else zone)
    if parsed.as_json() != schedule.rule or place.key != schedule.zone:
        now = timezone.now()
        changed |= {
            "rule": parsed.as_json(),
            "zone": place.key,
            "since": now,
            "next_due_at": calendar.following(parsed, place, now) if schedule.enabled else None,
        }
    if not changed:
        return schedule
    with transaction.atomic():
        try:
            with transaction.atomic():
                BackupSchedule.objects.filter(pk=schedule.pk).update(**changed, version=F("version") + 1)
        except IntegrityError as error:
            raise NameTaken(name=changed.get("name", "")) from error
        told = ("name", "target_name", "rule", "zone", "which", "depth", "catch_up")
        facts = {field: value for field, value in changed.items() if field in told}
        record("schedules.edited", actor=actor, subject=f"backup-schedule:{schedule.pk}", facts=facts)
    schedule.refresh_from_db()
    return schedule
