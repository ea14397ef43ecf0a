"""REST of jobs: look, cancel, start again."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import actor_of, user_of
from ground.rest.idempotency import idempotent
from ground.rest.pagination import CursorPagination
from jobs import actions, selectors
from jobs.api.accepted import accepted
from jobs.api.serializers import JobLineSerializer, JobSerializer
from jobs.models import Job, JobLine


class JobsView(ListAPIView[Job]):
    """Jobs one may see, newest first."""

    serializer_class = JobSerializer
    filterset_fields = ["kind", "state", "subject"]
    queryset = Job.objects.none()

    def get_queryset(self) -> Any:
        return selectors.jobs_for(user_of(self.request))


class JobView(APIView):
    """One job and where it stands."""

    @extend_schema(responses=JobSerializer)
    def get(self, request: Request, job_id: str) -> Response:
        return Response(JobSerializer(selectors.job_for(user_of(request), job_id)).data)


class _OldestLineFirst(CursorPagination):
    ordering = "number"
    page_size = 200


class JobLinesView(ListAPIView[JobLine]):
    """The job's log."""

    serializer_class = JobLineSerializer
    pagination_class = _OldestLineFirst
    queryset = JobLine.objects.none()

    def get_queryset(self) -> Any:
        return selectors.job_for(user_of(self.request), self.kwargs["job_id"]).lines.all()


class CancelView(APIView):
    """Ask a job to end. 202: a running one ends at its next check."""

    @extend_schema(request=None, responses={202: JobSerializer})
    def post(self, request: Request, job_id: str) -> Response:
        job = selectors.job_for_change(user_of(request), job_id)
        return accepted(actions.cancel_job(actor=actor_of(request), job=job))


class RetryView(APIView):
    """Start a failed or cancelled job again."""

    @extend_schema(request=None, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, job_id: str) -> Response:
        job = selectors.job_for_change(user_of(request), job_id)
        return accepted(actions.retry_job(actor=actor_of(request), job=job))
