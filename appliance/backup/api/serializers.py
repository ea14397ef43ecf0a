"""Targets and images as REST shows and takes them. Explicit fields only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from appliance.backup.models import BackupImage, BackupTarget

DEPTHS = ["digests", "full"]


class BackupTargetSerializer(serializers.ModelSerializer[BackupTarget]):
    image_count = serializers.IntegerField(read_only=True, default=0)
    newest_at = serializers.DateTimeField(read_only=True, default=None, allow_null=True)
    settings = serializers.DictField(child=serializers.CharField())
    problem = serializers.DictField(read_only=True, allow_null=True)
    findings = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = BackupTarget
        fields = (
            "id",
            "name",
            "kind",
            "settings",
            "state",
            "repository_id",
            "customer_id",
            "checked_at",
            "free_bytes",
            "freshness",
            "fresh_to",
            "findings",
            "problem",
            "image_count",
            "newest_at",
            "created_at",
        )
        read_only_fields = fields


class NewTargetSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(choices=["directory"], default="directory")
    settings = serializers.DictField(
        child=serializers.CharField(max_length=1000), help_text='{"path": "/mnt/backup"} for a directory'
    )


class TargetChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, required=False)
    settings = serializers.DictField(child=serializers.CharField(max_length=1000), required=False)


class BackupImageSerializer(serializers.ModelSerializer[BackupImage]):
    target = serializers.UUIDField(source="target_id", read_only=True)
    target_name = serializers.CharField(source="target.name", read_only=True)
    made_at = serializers.SerializerMethodField(
        help_text="when it was committed; of an unfinished one, begun"
    )
    problem = serializers.DictField(read_only=True, allow_null=True)
    preview = serializers.DictField(read_only=True, allow_null=True)

    class Meta:
        model = BackupImage
        fields = (
            "id",
            "target",
            "target_name",
            "state",
            "own",
            "serial",
            "sequence",
            "epoch",
            "key_id",
            "proof",
            "made_at",
            "content_bytes",
            "stored_bytes",
            "new_bytes",
            "object_count",
            "pack_count",
            "checked_at",
            "verified_at",
            "head_lodged_at",
            "restored_at",
            "header_digest",
            "problem",
            "preview",
            "created_at",
        )
        read_only_fields = fields

    def get_made_at(self, image: BackupImage) -> datetime:
        return image.made_at or image.created_at


class NewBackupSerializer(serializers.Serializer[Any]):
    target = serializers.UUIDField(help_text="the backup target to write to")


class VerifySerializer(serializers.Serializer[Any]):
    depth = serializers.ChoiceField(
        choices=DEPTHS, default="full", help_text="`digests` needs no key; `full` opens every chunk"
    )


class HeaderSerializer(serializers.Serializer[Any]):
    header = serializers.CharField(help_text="the signed header, a compact JWS")
    values = serializers.ListField(child=serializers.CharField(), help_text="the escrow values in it")
