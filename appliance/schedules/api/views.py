"""REST over schedules. Permissions by role; every change is an action."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole, actor_of
from appliance.backup import selectors as backups
from appliance.schedules import actions, selectors
from appliance.schedules.api.serializers import (
    BackupScheduleSerializer,
    NewScheduleSerializer,
    ScheduleChangeSerializer,
    ScheduleOccurrenceSerializer,
    SchedulePauseSerializer,
    SchedulePreviewRequestSerializer,
    SchedulePreviewSerializer,
)
from appliance.schedules.models import BackupSchedule, Occurrence
from ground.rest.etags import require_match, with_etag
from ground.rest.idempotency import idempotent

ADMINS = HasRole("admin", reading=("auditor",))


class BackupSchedulesView(ListAPIView[BackupSchedule]):
    """Schedules of backups and verifications."""

    permission_classes = [ADMINS]
    serializer_class = BackupScheduleSerializer
    filterset_fields = ["task", "target", "enabled"]
    queryset = BackupSchedule.objects.none()

    def get_queryset(self) -> Any:
        return selectors.schedules()

    @extend_schema(request=NewScheduleSerializer, responses={201: BackupScheduleSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Add a schedule; one that could never run is refused."""
        given = NewScheduleSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        if values["target"] is not None:
            values["target"] = backups.target(values["target"])
        schedule = actions.add_schedule(actor=actor_of(request), **values)
        headers = {"Location": reverse("backup-schedule", kwargs={"schedule_id": schedule.pk})}
        return Response(
            BackupScheduleSerializer(schedule).data, status=status.HTTP_201_CREATED, headers=headers
        )


class BackupScheduleView(APIView):
    """One schedule."""

    permission_classes = [ADMINS]

    @extend_schema(responses=BackupScheduleSerializer)
    def get(self, request: Request, schedule_id: str) -> Response:
        """The schedule, with its next five runs."""
        return with_etag(Response(BackupScheduleSerializer(selectors.schedule(schedule_id)).data))

    @extend_schema(request=ScheduleChangeSerializer, responses=BackupScheduleSerializer)
    def patch(self, request: Request, schedule_id: str) -> Response:
        """Change it; If-Match names the version that was read."""
        schedule = selectors.schedule(schedule_id)
        require_match(request, BackupScheduleSerializer(schedule).data)
        given = ScheduleChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        if "target" in values:
            values["target"] = backups.target(values["target"])
        actions.edit_schedule(schedule, actor=actor_of(request), **values)
        return with_etag(Response(BackupScheduleSerializer(selectors.schedule(schedule_id)).data))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, schedule_id: str) -> Response:
        """Remove the schedule and its history; jobs and images stay."""
        actions.remove_schedule(selectors.schedule(schedule_id), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PauseView(APIView):
    """Pause a schedule."""

    permission_classes = [ADMINS]

    @extend_schema(request=SchedulePauseSerializer, responses=BackupScheduleSerializer)
    def post(self, request: Request, schedule_id: str) -> Response:
        """Nothing runs by it until it is resumed."""
        given = SchedulePauseSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        schedule = selectors.schedule(schedule_id)
        actions.pause_schedule(schedule, actor=actor_of(request), why=given.validated_data["why"])
        return Response(BackupScheduleSerializer(schedule).data)


class ResumeView(APIView):
    """Resume a schedule."""

    permission_classes = [ADMINS]

    @extend_schema(request=None, responses=BackupScheduleSerializer)
    def post(self, request: Request, schedule_id: str) -> Response:
        """It counts from now."""
        schedule = selectors.schedule(schedule_id)
        actions.resume_schedule(schedule, actor=actor_of(request))
        return Response(BackupScheduleSerializer(schedule).data)


class OccurrencesView(ListAPIView[Occurrence]):
    """What came of the runs of a schedule, newest first."""

    permission_classes = [ADMINS]
    serializer_class = ScheduleOccurrenceSerializer
    filterset_fields = ["state"]
    queryset = Occurrence.objects.none()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return selectors.occurrences(selectors.schedule(self.kwargs["schedule_id"]))


class PreviewView(APIView):
    """What a rule means, before it is saved."""

    permission_classes = [HasRole("admin", "auditor")]

    @extend_schema(request=SchedulePreviewRequestSerializer, responses=SchedulePreviewSerializer)
    def post(self, request: Request) -> Response:
        """The next runs, with what becomes of them where the clock is changed."""
        given = SchedulePreviewRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        found = selectors.preview(values["rule"], values["zone"], count=values["count"])
        return Response(SchedulePreviewSerializer(found).data)
