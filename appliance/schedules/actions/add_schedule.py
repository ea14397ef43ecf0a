"""Add a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from appliance.backup.models import BackupTarget
from appliance.schedules import calendar
from appliance.schedules.errors import BadSchedule, NameTaken, NotACopy
from appliance.schedules.models import BackupSchedule
from audit.actor import Actor
from audit.log import record


def add_schedule(
    *,
    actor: Actor,
    name: str,
    target: BackupTarget | None,
    rule: Mapping[str, Any],
    zone: str,
    task: str = "backup",
    which: str = "newest",
    depth: str = "full",
    catch_up: bool = True,
) -> BackupSchedule:
    """A schedule that runs from now on. A rule that could never fire is refused (`NeverFires`).

    `copy` brings to `target` what is new on the target it is a copy of. A verification looks at the `newest`
    image, at `all`, or at those that are `due`, in the `depth` named (`due` ones always in full).
    `collect` is about the unit's own store and has no target.
    """
    parsed, place = calendar.parse(rule), calendar.zone_of(zone)
    check_choice("task", task, BackupSchedule.Task.values)
    check_choice("which", which, BackupSchedule.Which.values)
    check_choice("depth", depth, BackupSchedule.Depth.values)
    check_target(task, target)
    if task == BackupSchedule.Task.COPY and target is not None and target.copy_of_id is None:
        raise NotACopy(target=target.name)
    now = timezone.now()
    with transaction.atomic():
        try:
            with transaction.atomic():  # only the name may collide here
                schedule = BackupSchedule.objects.create(
                    name=checked_name(name),
                    task=task,
                    target=target,
                    target_name=target.name if target else "",
                    repository_id=target.repository_id if target else None,
                    which=which,
                    depth=depth,
                    rule=parsed.as_json(),
                    zone=zone,
                    catch_up=catch_up,
                    since=now,
                    next_due_at=calendar.following(parsed, place, now),
                )
        except IntegrityError as error:
            raise NameTaken(name=name.strip()) from error
        record(
            "schedules.added",
            actor=actor,
            subject=f"backup-schedule:{schedule.pk}",
            facts={
                "name": schedule.name,
                "task": task,
                "target": schedule.target_name,
                "rule": schedule.rule,
                "zone": zone,
            },
        )
    return schedule


def check_choice(field: str, value: str, known: list[str]) -> None:
    if value not in known:
        raise BadSchedule(field=field, why=f"one of {', '.join(known)}")


def check_target(task: str, target: BackupTarget | None) -> None:
    if (task == BackupSchedule.Task.COLLECT) != (target is None):
        raise BadSchedule(field="target", why="a target, or for the unit's own store none")


def checked_name(name: str) -> str:
    stripped = name.strip()
    if not stripped or len(stripped) > 100 or not stripped.isprintable():
        raise BadSchedule(field="name", why="1 to 100 characters on one line")
    return stripped
