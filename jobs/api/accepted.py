"""The answer to a POST that started long work: 202, the job, and its address."""

from __future__ import annotations

from django.urls import reverse
from rest_framework import status
from rest_framework.response import Response

from jobs.api.serializers import JobSerializer
from jobs.models import Job


def accepted(job: Job) -> Response:
    """202 with the job as body and its address in Location."""
    job.refresh_from_db()
    headers = {"Location": reverse("job", kwargs={"job_id": job.pk})}
    return Response(JobSerializer(job).data, status=status.HTTP_202_ACCEPTED, headers=headers)
