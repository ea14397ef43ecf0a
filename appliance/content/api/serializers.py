"""Uploads as REST shows them. Explicit fields only."""

from __future__ import annotations

from rest_framework import serializers

from appliance.content.models import Upload


class UploadSerializer(serializers.ModelSerializer[Upload]):
    class Meta:
        model = Upload
        fields = (
            "id",
            "name",
            "state",
            "length",
            "offset",
            "sha256",
            "created_at",
            "changed_at",
            "expires_at",
        )
        read_only_fields = fields
