"""What escrow shows and takes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from manufacturer.escrow.models import CustodyRequest, Drill, LedgerEntry, LodgedHead, LodgedValue

DOCUMENT = 64_000  # characters: more than any document of one page of formats; the body limit is lower still


class LodgedValueSerializer(serializers.ModelSerializer[LodgedValue]):
    serial = serializers.CharField(source="unit.serial", read_only=True)

    class Meta:
        model = LodgedValue
        fields = [
            "id",
            "unit",
            "serial",
            "customer",
            "appliance",
            "key_id",
            "epoch",
            "authority_key_id",
            "digest",
            "document",
            "receipt",
            "lodged_at",
            "proven_at",
        ]
        read_only_fields = fields


class ValueInput(serializers.Serializer[Any]):
    value = serializers.CharField(max_length=DOCUMENT)


class ValueTaken(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    receipt = serializers.CharField()


class LodgedHeadSerializer(serializers.ModelSerializer[LodgedHead]):
    serial = serializers.CharField(source="unit.serial", read_only=True)

    class Meta:
        model = LodgedHead
        fields = ["id", "unit", "serial", "target_id", "sequence", "header_digest", "lodged_at"]
        read_only_fields = fields


class HeadInput(serializers.Serializer[Any]):
    head = serializers.CharField(max_length=DOCUMENT)


class HeadTaken(serializers.Serializer[Any]):
    receipt = serializers.CharField()


class DrillInput(serializers.Serializer[Any]):
    request = serializers.CharField(max_length=DOCUMENT)


class DrillTaken(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.CharField()


class DrillState(serializers.Serializer[Any]):
    state = serializers.CharField()
    proof = serializers.CharField(allow_null=True)


class DrillSerializer(serializers.ModelSerializer[Drill]):
    serial = serializers.CharField(source="unit.serial", read_only=True)

    class Meta:
        model = Drill
        fields = ["id", "unit", "serial", "value_digest", "state", "created_at", "answered_at"]
        read_only_fields = fields


class LedgerEntrySerializer(serializers.ModelSerializer[LedgerEntry]):
    class Meta:
        model = LedgerEntry
        fields = ["id", "sequence", "digest", "previous", "kind", "phase", "subject", "document", "made_at"]
        read_only_fields = fields


class IdentifyInput(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=4_000_000)


class FindingSerializer(serializers.Serializer[Any]):
    """One thing found in what was pasted."""

    what = serializers.CharField()
    known = serializers.BooleanField()
    serial = serializers.CharField(allow_blank=True)
    customer = serializers.CharField(allow_blank=True)
    appliance = serializers.CharField(allow_blank=True)
    key_id = serializers.CharField(allow_blank=True)
    epoch = serializers.IntegerField(allow_null=True)
    digest = serializers.CharField(allow_blank=True)
    lodged_at = serializers.DateTimeField(allow_null=True)
    proven_at = serializers.DateTimeField(allow_null=True)
    ticket = serializers.CharField(allow_blank=True)
    fault = serializers.CharField(allow_blank=True)
    why = serializers.CharField(allow_blank=True, help_text="the fault in words, where it has a place")


class CustodyRequestSerializer(serializers.ModelSerializer[CustodyRequest]):
    class Meta:
        model = CustodyRequest
        fields = ["id", "kind", "documents"]
        read_only_fields = fields


class CustodyReplyInput(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(choices=["done", "refused"])
    transfer = serializers.CharField(required=False, allow_blank=True, default="", max_length=1_000_000)
    proof = serializers.CharField(required=False, allow_blank=True, default="", max_length=DOCUMENT)


class CustodyReplyTaken(serializers.Serializer[Any]):
    state = serializers.CharField()


class CustodyLedgerInput(serializers.Serializer[Any]):
    entries = serializers.ListField(child=serializers.CharField(max_length=DOCUMENT), max_length=100)


class CustodyLedgerTaken(serializers.Serializer[Any]):
    countersignatures = serializers.DictField(child=serializers.CharField())
