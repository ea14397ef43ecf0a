"""Virtual images as REST shows and takes them. Explicit fields only."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from appliance.catalog.models import VirtualImage


class VirtualImageSerializer(serializers.ModelSerializer[VirtualImage]):
    upload = serializers.UUIDField(source="upload_id", allow_null=True, read_only=True)

    class Meta:
        model = VirtualImage
        fields = (
            "id",
            "name",
            "description",
            "owner_name",
            "source",
            "upload",
            "state",
            "state_changed_at",
            "problem",
            "size",
            "data_size",
            "new_bytes",
            "sha256",
            "declared_sha256",
            "recipe",
            "created_at",
        )
        read_only_fields = fields


class NewImageSerializer(serializers.Serializer[Any]):
    upload = serializers.UUIDField(help_text="an upload of one's own, complete or still arriving")
    name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    description = serializers.CharField(max_length=4000, required=False, default="", allow_blank=True)
    sha256 = serializers.CharField(
        max_length=64, required=False, default="", allow_blank=True, help_text="of the whole content, in hex"
    )


class ImageChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200, required=False)
    description = serializers.CharField(max_length=4000, required=False, allow_blank=True)
