"""Keys as REST shows them. Explicit fields only; there is nothing secret in these rows."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from appliance.keys.models import DrillWaiver, KeyEpoch, KeyTransition, LodgedValue, ValueDrill
from appliance.keys.selectors import transitions, waivers_of


class ValueSerializer(serializers.ModelSerializer[LodgedValue]):
    is_lodged = serializers.SerializerMethodField()

    class Meta:
        model = LodgedValue
        fields = (
            "digest",
            "authority_key_id",
            "current",
            "is_lodged",
            "lodged_at",
            "downloaded_at",
            "downloaded_by",
        )
        read_only_fields = fields

    def get_is_lodged(self, row: LodgedValue) -> bool:
        return row.receipt != ""


class DrillSerializer(serializers.ModelSerializer[ValueDrill]):
    class Meta:
        model = ValueDrill
        fields = ("id", "created_at", "purpose", "state", "desk_id", "ended_at", "problem")
        read_only_fields = fields


class TransitionSerializer(serializers.ModelSerializer[KeyTransition]):
    class Meta:
        model = KeyTransition
        fields = ("ordinal", "old", "new", "who", "why", "at")
        read_only_fields = fields


class WaiverSerializer(serializers.ModelSerializer[DrillWaiver]):
    class Meta:
        model = DrillWaiver
        fields = ("admin_name", "why", "created_at")
        read_only_fields = fields


class KeySerializer(serializers.ModelSerializer[KeyEpoch]):
    class Meta:
        model = KeyEpoch
        fields: tuple[str, ...] = (
            "key_id",
            "epoch",
            "kind",
            "origin",
            "state",
            "commitment",
            "source_serial",
            "made_at",
            "activated_at",
            "ended_at",
            "durable",
            "downloaded",
            "proof_how",
            "proof_at",
            "proof_by",
            "proof_detail",
            "is_amber",
        )
        read_only_fields: tuple[str, ...] = fields

    is_amber = serializers.BooleanField(read_only=True)


class KeyDetailSerializer(KeySerializer):
    """One key with its values, drills, waivers and history."""

    values = ValueSerializer(many=True, read_only=True)
    drills = DrillSerializer(many=True, read_only=True)
    waivers = serializers.SerializerMethodField()
    waivers_needed = serializers.SerializerMethodField()
    transitions = serializers.SerializerMethodField()

    class Meta(KeySerializer.Meta):
        fields = (
            *KeySerializer.Meta.fields,
            "values",
            "drills",
            "waivers",
            "waivers_needed",
            "transitions",
        )
        read_only_fields = fields

    @extend_schema_field(WaiverSerializer(many=True))
    def get_waivers(self, row: KeyEpoch) -> list[dict[str, Any]]:
        return list(WaiverSerializer(waivers_of(row).given, many=True).data)

    def get_waivers_needed(self, row: KeyEpoch) -> int:
        return waivers_of(row).needed

    @extend_schema_field(TransitionSerializer(many=True))
    def get_transitions(self, row: KeyEpoch) -> list[dict[str, Any]]:
        return list(TransitionSerializer(transitions(row.key_id), many=True).data)


class RotateSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200, required=False, default="asked for")
    kind = serializers.ChoiceField(choices=["symmetric", "hybrid"], required=False, default="symmetric")
    waive = serializers.CharField(
        max_length=300,
        required=False,
        allow_blank=True,
        default="",
        help_text="reason to go without a drill if custody does not answer",
    )


class HeldSerializer(serializers.Serializer[Any]):
    digest = serializers.CharField(max_length=200, help_text="SHA-384 of the value's signed text, base64url")


class WaiveSerializer(serializers.Serializer[Any]):
    why = serializers.CharField(max_length=300)


class WaiversSerializer(serializers.Serializer[Any]):
    given = WaiverSerializer(many=True, read_only=True)
    needed = serializers.IntegerField(read_only=True)
    enough = serializers.BooleanField(read_only=True)


class ValueTextSerializer(serializers.Serializer[Any]):
    key_id = serializers.CharField(read_only=True)
    epoch = serializers.IntegerField(read_only=True)
    values = serializers.ListField(child=serializers.CharField(), read_only=True)


class SheetLineSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(read_only=True)
    text = serializers.CharField(read_only=True)
    check = serializers.CharField(read_only=True, help_text="4 characters, see docs/formats/value-sheet.md")


class SheetPartSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(read_only=True)
    count = serializers.IntegerField(read_only=True)
    text = serializers.CharField(read_only=True, help_text="what one QR code carries")


class ValueSheetSerializer(serializers.Serializer[Any]):
    """One value on paper."""

    id = serializers.CharField(source="sheet.shown_id", read_only=True)
    serial = serializers.CharField(read_only=True)
    appliance = serializers.CharField(read_only=True)
    epoch = serializers.IntegerField(read_only=True)
    key_id = serializers.CharField(read_only=True)
    authority = serializers.CharField(read_only=True)
    digest = serializers.CharField(read_only=True)
    proof = serializers.CharField(read_only=True)
    typed = serializers.CharField(
        source="sheet.typed", read_only=True, help_text="the lines as they are typed"
    )
    lines = SheetLineSerializer(source="sheet.lines", many=True, read_only=True)
    parts = SheetPartSerializer(source="sheet.parts", many=True, read_only=True)
