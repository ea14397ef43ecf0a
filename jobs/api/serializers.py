"""Shapes of jobs in REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.models import Job, JobLine


class ProgressSerializer(serializers.Serializer[Any]):
    phase = serializers.CharField()
    done = serializers.IntegerField(source="done_amount")
    total = serializers.IntegerField(source="total_amount", allow_null=True)
    unit = serializers.CharField(source="amount_unit")
    percent = serializers.IntegerField(allow_null=True)
    rate = serializers.FloatField(allow_null=True, help_text="amount per second")
    eta = serializers.DateTimeField(allow_null=True)


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    kind = serializers.CharField()
    title = serializers.CharField()
    facts = serializers.DictField()
    next_step = serializers.CharField()


class JobSerializer(serializers.ModelSerializer[Job]):
    progress = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    result = serializers.DictField(read_only=True)

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "subject",
            "state",
            "progress",
            "error",
            "result",
            "attempts",
            "actor_kind",
            "actor_name",
            "created_at",
            "due_at",
            "started_at",
            "ended_at",
            "version",
        ]
        read_only_fields = fields

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, job: Job) -> dict[str, Any]:
        return dict(ProgressSerializer(job).data)

    @extend_schema_field(ErrorSerializer(allow_null=True))
    def get_error(self, job: Job) -> dict[str, Any] | None:
        return job.refused


class JobLineSerializer(serializers.ModelSerializer[JobLine]):
    class Meta:
        model = JobLine
        fields = ["number", "at", "text"]
        read_only_fields = fields
