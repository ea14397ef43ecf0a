"""Targets and images as REST shows and takes them. Explicit fields only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.targets.limited import LEAST
from appliance.unit.secrets import fingerprint_of

DEPTHS = ["digests", "full"]


class BackupTargetSerializer(serializers.ModelSerializer[BackupTarget]):
    image_count = serializers.IntegerField(read_only=True, default=0)
    newest_at = serializers.DateTimeField(read_only=True, default=None, allow_null=True)
    settings = serializers.DictField(child=serializers.CharField())
    problem = serializers.DictField(read_only=True, allow_null=True)
    findings = serializers.ListField(child=serializers.DictField(), read_only=True)
    credentials_fingerprint = serializers.SerializerMethodField(
        help_text="changes when the credentials are set; they themselves can be read by nobody"
    )

    class Meta:
        model = BackupTarget
        fields = (
            "id",
            "name",
            "kind",
            "settings",
            "state",
            "credentials_fingerprint",
            "credentials_set_at",
            "private_addresses",
            "bandwidth",
            "copy_of",
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

    def get_credentials_fingerprint(self, target: BackupTarget) -> str:
        return fingerprint_of(target.credentials)


class NewTargetSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(choices=["directory", "s3", "sftp"], default="directory")
    settings = serializers.DictField(
        child=serializers.CharField(max_length=8000, trim_whitespace=False),
        help_text="directory: path · s3: bucket, region, endpoint, prefix, ca_certificate · "
        "sftp: host, port, user, path, host_key (SHA256:…)",
    )
    credentials = serializers.DictField(
        child=serializers.CharField(max_length=16_384, trim_whitespace=False),
        required=False,
        write_only=True,
        help_text="s3: access_key_id, secret_access_key, session_token · sftp: password or private_key. "
        "Sealed at once; never shown again",
    )
    private_addresses = serializers.BooleanField(
        default=False, help_text="loopback and private addresses may be called for this target"
    )
    bandwidth = serializers.IntegerField(
        required=False, allow_null=True, min_value=LEAST, help_text="bytes a second; null: no limit"
    )
    copy_of = serializers.UUIDField(
        required=False, allow_null=True, help_text="this target is to hold a copy of that one's repository"
    )


class TargetChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, required=False)
    settings = serializers.DictField(
        child=serializers.CharField(max_length=8000, trim_whitespace=False), required=False
    )
    credentials = serializers.DictField(
        child=serializers.CharField(max_length=16_384, trim_whitespace=False),
        required=False,
        write_only=True,
        help_text="replaces them all; asked for again when the target is to lead to another host",
    )
    private_addresses = serializers.BooleanField(required=False)
    bandwidth = serializers.IntegerField(required=False, allow_null=True, min_value=LEAST)


class CopySerializer(serializers.Serializer[Any]):
    to = serializers.UUIDField(help_text="a target that was added as a copy of this one")


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
            "protected_at",
            "protected_by",
            "protected_why",
            "expired_at",
            "expired_by",
            "deleted_at",
            "problem",
            "preview",
            "created_at",
        )
        read_only_fields = fields

    def get_made_at(self, image: BackupImage) -> datetime:
        return image.made_at or image.created_at


class NewBackupSerializer(serializers.Serializer[Any]):
    target = serializers.UUIDField(help_text="the backup target to write to")
    dry_run = serializers.BooleanField(
        default=False, help_text="change nothing; the job's result says what would be sent"
    )


class VerifySerializer(serializers.Serializer[Any]):
    depth = serializers.ChoiceField(
        choices=DEPTHS, default="full", help_text="`digests` needs no key; `full` opens every chunk"
    )


class HeaderSerializer(serializers.Serializer[Any]):
    header = serializers.CharField(help_text="the signed header, a compact JWS")
    values = serializers.ListField(child=serializers.CharField(), help_text="the escrow values in it")
