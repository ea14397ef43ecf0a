"""Schedules as REST shows and takes them. Explicit fields only."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from appliance.schedules.models import BackupSchedule, Occurrence
from appliance.schedules.outlook import next_runs
from ground.refusals import Refusal

RULE_HELP = (
    '{"every": "hour", "minute": 15}, {"every": "day" | "weekdays", "at": "02:30"}, '
    '{"every": "week", "on": ["mon", "thu"], "at": …}, {"every": "month", "day": 1…31 or -1, "at": …}, '
    '{"every": "month", "nth": 1…5 or -1, "weekday": "sun" or "weekday", "at": …}; each with "months": [1…12]'
)


@extend_schema_field(OpenApiTypes.OBJECT)
class RuleField(serializers.JSONField):
    """A calendar rule, checked by the calendar and not here."""


class ScheduleRunSerializer(serializers.Serializer[Any]):
    due_at = serializers.DateTimeField(help_text="in UTC")
    local = serializers.CharField(source="local_text", help_text="as the zone's clock shows it")
    note = serializers.CharField(help_text="empty, moved, first-of-two or second-of-two")
    note_text = serializers.CharField()


class ClockChangeSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    text = serializers.CharField()


class SchedulePreviewSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    zone = serializers.CharField()
    runs = ScheduleRunSerializer(many=True)
    clock_changes = ClockChangeSerializer(many=True)


class SchedulePreviewRequestSerializer(serializers.Serializer[Any]):
    rule = RuleField(help_text=RULE_HELP)
    zone = serializers.CharField(max_length=80, default="UTC")
    count = serializers.IntegerField(min_value=1, max_value=50, default=5)


class ScheduleOccurrenceSerializer(serializers.ModelSerializer[Occurrence]):
    jobs = serializers.ListField(child=serializers.UUIDField(), read_only=True)
    reason = serializers.DictField(read_only=True, allow_null=True)
    state = serializers.CharField(
        read_only=True, help_text="waiting, started, done, failed, cancelled, missed or refused"
    )

    class Meta:
        model = Occurrence
        fields = ("id", "due_at", "state", "late", "jobs", "reason", "decided_at", "ended_at")
        read_only_fields = fields


class BackupScheduleSerializer(serializers.ModelSerializer[BackupSchedule]):
    target = serializers.UUIDField(source="target_id", read_only=True, allow_null=True)
    rule = RuleField(read_only=True)
    rule_text = serializers.SerializerMethodField()
    next_runs = serializers.SerializerMethodField()
    last = ScheduleOccurrenceSerializer(read_only=True, allow_null=True)

    class Meta:
        model = BackupSchedule
        fields = (
            "id",
            "name",
            "task",
            "target",
            "target_name",
            "which",
            "depth",
            "rule",
            "rule_text",
            "zone",
            "catch_up",
            "enabled",
            "paused_why",
            "since",
            "next_due_at",
            "next_runs",
            "last",
            "created_at",
        )
        read_only_fields = fields

    def get_rule_text(self, schedule: BackupSchedule) -> str:
        return schedule.rule_text

    @extend_schema_field(ScheduleRunSerializer(many=True))
    def get_next_runs(self, schedule: BackupSchedule) -> Any:
        try:
            return ScheduleRunSerializer(next_runs(schedule), many=True).data
        except Refusal:  # a zone that this machine does not know any more
            return []


class NewScheduleSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    task = serializers.ChoiceField(choices=BackupSchedule.Task.choices, default="backup")
    target = serializers.UUIDField(
        default=None, allow_null=True, help_text="none for `collect`, which is about the unit's own store"
    )
    rule = RuleField(help_text=RULE_HELP)
    zone = serializers.CharField(max_length=80, default="UTC", help_text="such as Europe/Vienna")
    which = serializers.ChoiceField(
        choices=BackupSchedule.Which.choices, default="newest", help_text="what a verification looks at"
    )
    depth = serializers.ChoiceField(
        choices=BackupSchedule.Depth.choices, default="full", help_text="how a verification looks"
    )
    catch_up = serializers.BooleanField(default=True, help_text="make up once for runs that were missed")


class ScheduleChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, required=False)
    target = serializers.UUIDField(required=False)
    rule = RuleField(required=False, help_text=RULE_HELP)
    zone = serializers.CharField(max_length=80, required=False)
    which = serializers.ChoiceField(choices=BackupSchedule.Which.choices, required=False)
    depth = serializers.ChoiceField(choices=BackupSchedule.Depth.choices, required=False)
    catch_up = serializers.BooleanField(required=False)


class SchedulePauseSerializer(serializers.Serializer[Any]):
    why = serializers.CharField(max_length=200, default="", allow_blank=True)
