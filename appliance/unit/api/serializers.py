"""The unit as REST shows it. Explicit fields only."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from appliance.unit.models import Unit


class UnitSerializer(serializers.ModelSerializer[Unit]):
    class Meta:
        model = Unit
        fields = (
            "serial",
            "model",
            "state",
            "state_changed_at",
            "vault_class",
            "certificate_thumbprint",
            "customer_id",
            "customer_name",
            "appliance_id",
            "appliance_name",
            "replaces_serial",
            "authority_list_version",
            "authority_list_seen_at",
            "desk_url",
            "desk_reached_at",
            "outbound_paused",
            "outbound_paused_why",
        )
        read_only_fields = fields


class SettingsSerializer(serializers.Serializer[Any]):
    """What an admin may set on the unit itself."""

    desk_url = serializers.CharField(max_length=300, allow_blank=True)


class InstallationSerializer(serializers.Serializer[Any]):
    """An enrolment carried as a file; without it the unit asks the desk."""

    enrolment = serializers.CharField(max_length=32_768, allow_blank=True, required=False, default="")


class AuthorityListSerializer(serializers.Serializer[Any]):
    """A list carried as a file; without it the unit asks the desk."""

    list = serializers.CharField(max_length=262_144, allow_blank=True, required=False, default="")


class TamperSerializer(serializers.Serializer[Any]):
    why = serializers.CharField(max_length=300)
    serial = serializers.CharField(max_length=40, help_text="the unit's serial number, typed again")
