"""REST of what a draft of a retention policy would keep. It stands in this room because only here both the
policy and the schedules that make the images are known."""

from __future__ import annotations

import dataclasses
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole
from appliance.backup import selectors as backups
from appliance.backup.api.retention import READERS, RulesSerializer
from appliance.backup.retention import Policy, Simulation
from appliance.backup.retention.simulate import MOST_MONTHS
from appliance.schedules.selectors import Projected, simulate_onto


class ProjectedScheduleSerializer(serializers.Serializer[Any]):
    every_hours = serializers.IntegerField(min_value=1, max_value=744, required=False, allow_null=True)
    at = serializers.TimeField(
        required=False, allow_null=True, help_text="daily at this time of the policy's zone"
    )


class PreviewRequestSerializer(serializers.Serializer[Any]):
    target = serializers.UUIDField()
    policy = RulesSerializer()
    schedule = ProjectedScheduleSerializer(
        required=False, help_text="a draft; without one the schedules that the target has"
    )
    months = serializers.IntegerField(min_value=1, max_value=MOST_MONTHS, default=3)


class KeptSerializer(serializers.Serializer[Any]):
    image = serializers.UUIDField()
    made_at = serializers.DateTimeField()
    reasons = serializers.ListField(child=serializers.CharField())


class ExpiringSerializer(serializers.Serializer[Any]):
    image = serializers.UUIDField(source="id")
    made_at = serializers.DateTimeField()


class LeavingSerializer(serializers.Serializer[Any]):
    image = serializers.UUIDField()
    on = serializers.DateField()


class SimulatedDaySerializer(serializers.Serializer[Any]):
    date = serializers.DateField()
    made = serializers.IntegerField(help_text="images the schedules would make on this day")
    kept = serializers.IntegerField(help_text="images kept in all at the end of this day")
    remaining = serializers.IntegerField(help_text="of this day's images, still there at the end of it all")
    reasons = serializers.ListField(child=serializers.CharField())


class PreviewSerializer(serializers.Serializer[Any]):
    kept = KeptSerializer(many=True)
    expired = ExpiringSerializer(many=True)
    leaving = LeavingSerializer(many=True)
    days = SimulatedDaySerializer(many=True)
    schedules = serializers.ListField(
        child=serializers.CharField(), help_text="names of the target's schedules it was drawn from"
    )
    assumed = serializers.BooleanField(
        help_text="the target has no schedule: drawn with one run a day at 02:30"
    )


class RetentionPreviewView(APIView):
    """What a draft policy would keep."""

    def get_permissions(self) -> Any:
        return [HasRole(*READERS)()]

    @extend_schema(request=PreviewRequestSerializer, responses=PreviewSerializer)
    def post(self, request: Request) -> Response:
        """Of the images there are, and of those that the target's own schedules (or a draft of one) would
        make in the months to come, day by day. Changes nothing."""
        given = PreviewRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        target, policy, months = backups.target(data["target"]), Policy(**data["policy"]), data["months"]
        draft = data.get("schedule")
        if draft is None:
            found = simulate_onto(target, policy, months=months)
        else:
            drawn = backups.simulate(
                target, policy, months=months, every_hours=draft.get("every_hours"), at=draft.get("at")
            )
            found = Projected(drawn, (), assumed=False)
        return Response(PreviewSerializer(_shown(found)).data)


def _shown(found: Projected) -> dict[str, Any]:
    drawn: Simulation = found.simulation
    return {
        "kept": [dataclasses.asdict(kept) for kept in drawn.now.kept],
        "expired": list(drawn.now.expired),
        "leaving": [{"image": image, "on": day} for image, day in sorted(drawn.leaving.items())],
        "days": [dataclasses.asdict(day) for day in drawn.days],
        "schedules": [schedule.name for schedule in found.schedules],
        "assumed": found.assumed,
    }
