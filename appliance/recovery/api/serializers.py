"""Recovery as REST shows and takes it. Explicit fields only."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from appliance.recovery.models import RecoveryReport, Restore, TransferCase


class LinkSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=["green", "amber", "red"])
    summary = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    url = serializers.CharField()
    action = serializers.CharField(allow_blank=True, help_text="what mends it; empty when green")


class ReadinessSerializer(serializers.Serializer[Any]):
    answer = serializers.ChoiceField(
        choices=["yes", "unsure", "no"], help_text="can this unit be lost today?"
    )
    data_at_risk_since = serializers.DateTimeField(allow_null=True)
    changed_objects = serializers.IntegerField(help_text="virtual images changed since")
    first_action = serializers.CharField(allow_blank=True)
    as_of = serializers.DateTimeField()
    links = LinkSerializer(many=True)


class TransferCaseSerializer(serializers.ModelSerializer[TransferCase]):
    source = serializers.DictField(read_only=True)  # type: ignore[assignment]  # DRF takes fields off the class
    heads = serializers.ListField(child=serializers.DictField(), read_only=True)
    problem = serializers.DictField(read_only=True, allow_null=True)

    class Meta:
        model = TransferCase
        fields = (
            "id",
            "state",
            "request",
            "request_digest",
            "sent_at",
            "receipt",
            "installed_at",
            "reported_at",
            "ticket",
            "source",
            "heads",
            "problem",
            "created_at",
        )
        read_only_fields = fields


class CollectSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=100, help_text="the one-time code from the desk's message")


class InstallSerializer(serializers.Serializer[Any]):
    transfer = serializers.CharField(max_length=100_000, help_text="the transfer document")


class FoundValueSerializer(serializers.Serializer[Any]):
    key_id = serializers.CharField()
    epoch = serializers.IntegerField()
    serial = serializers.CharField()
    customer = serializers.CharField()
    authority_key = serializers.CharField(allow_blank=True)
    images = serializers.IntegerField(help_text="images on the connected targets that it opens")
    newest_image_at = serializers.CharField(allow_blank=True)
    document = serializers.CharField(help_text="the value: an identifier, no secret")


class FoundValuesSerializer(serializers.Serializer[Any]):
    values = FoundValueSerializer(many=True)
    sheet = serializers.CharField(allow_blank=True, help_text="all documents, one a line")


class RestoreSerializer(serializers.ModelSerializer[Restore]):
    counts = serializers.DictField(read_only=True)
    problem = serializers.DictField(read_only=True, allow_null=True)

    class Meta:
        model = Restore
        fields = (
            "id",
            "state",
            "image_id",
            "target_id",
            "job_id",
            "started_by",
            "rolled_back_accepted",
            "counts",
            "problem",
            "created_at",
            "finished_at",
        )
        read_only_fields = fields


class StartRestoreSerializer(serializers.Serializer[Any]):
    accept_rolled_back = serializers.BooleanField(
        default=False, help_text="restore from a target that is known to lack newer images"
    )


class ClearPreviewSerializer(serializers.Serializer[Any]):
    """From the clear, signed header alone."""

    image = serializers.CharField()
    serial = serializers.CharField()
    sequence = serializers.IntegerField()
    made_at = serializers.CharField(allow_null=True)
    epoch = serializers.IntegerField()
    key_id = serializers.CharField()
    key_here = serializers.BooleanField()
    proof = serializers.CharField()
    objects = serializers.IntegerField()
    content_bytes = serializers.IntegerField()
    stored_bytes = serializers.IntegerField()
    packs = serializers.IntegerField()
    migrations = serializers.DictField(child=serializers.CharField())
    release = serializers.CharField()
    values = serializers.IntegerField()
    free_bytes = serializers.IntegerField()
    fits = serializers.BooleanField()
    state = serializers.CharField()
    verified_at = serializers.CharField(allow_null=True)
    freshness = serializers.CharField()
    fresh_to = serializers.CharField(allow_null=True)
    passwords_go_back_to = serializers.CharField(allow_null=True)
    as_of = serializers.CharField()


class RecoveryReportSerializer(serializers.ModelSerializer[RecoveryReport]):
    class Meta:
        model = RecoveryReport
        fields = ("id", "state", "ticket", "document", "delivered_at", "created_at")
        read_only_fields = fields


class RecoverySerializer(serializers.Serializer[Any]):
    """Where the way back stands."""

    transfer = TransferCaseSerializer(allow_null=True)
    restore = RestoreSerializer(allow_null=True)
    report = RecoveryReportSerializer(allow_null=True)
    outbound_paused = serializers.BooleanField()
