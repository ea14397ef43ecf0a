"""What tickets show and take."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from manufacturer.rma.closeout import closeout_of
from manufacturer.rma.models import Attempt, Ticket, TicketValue, TimelineEntry


class TicketValueSerializer(serializers.ModelSerializer[TicketValue]):
    lodged = serializers.SerializerMethodField()

    class Meta:
        model = TicketValue
        fields = ["digest", "serial", "key_id", "epoch", "origin", "lodged"]
        read_only_fields = fields

    def get_lodged(self, value: TicketValue) -> bool:
        return bool(value.receipt)


class TimelineSerializer(serializers.ModelSerializer[TimelineEntry]):
    class Meta:
        model = TimelineEntry
        fields = ["sequence", "state", "actor", "text", "at"]
        read_only_fields = fields


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    serial = serializers.CharField(source="unit.serial", read_only=True)
    request_digest = serializers.CharField(source="request.digest", read_only=True)
    approved_by = serializers.SerializerMethodField()

    class Meta:
        model = Attempt
        fields = [
            "number",
            "state",
            "serial",
            "request_digest",
            "document_digest",
            "approved_by",
            "carrier",
            "tracking",
            "expected_on",
            "shipped_at",
            "received_at",
            "collected_at",
        ]
        read_only_fields = fields

    def get_approved_by(self, attempt: Attempt) -> list[str]:
        return [approval.person for approval in attempt.approvals.all() if not approval.void]


class TicketSerializer(serializers.ModelSerializer[Ticket]):
    customer_name = serializers.CharField(source="customer.name", read_only=True)
    appliance_name = serializers.CharField(source="appliance.name", read_only=True)
    serial = serializers.CharField(source="source_unit.serial", read_only=True)
    warranty_until = serializers.DateField(source="source_unit.warranty_until", read_only=True)

    class Meta:
        model = Ticket
        fields = [
            "id",
            "number",
            "kind",
            "state",
            "ended",
            "customer",
            "customer_name",
            "appliance",
            "appliance_name",
            "serial",
            "warranty_until",
            "reason",
            "refusal_reason",
            "opened_by",
            "attempt_number",
            "revision",
            "created_at",
            "changed_at",
        ]
        read_only_fields = fields


class CheckSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    done = serializers.BooleanField()
    detail = serializers.CharField()


class MoveSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    text = serializers.CharField(source="label")
    allowed = serializers.BooleanField()
    why_not = serializers.CharField()


class TicketDetailSerializer(TicketSerializer):
    values = TicketValueSerializer(many=True, read_only=True)
    attempts = AttemptSerializer(many=True, read_only=True)
    timeline = TimelineSerializer(many=True, read_only=True)
    closeout = serializers.SerializerMethodField()

    class Meta(TicketSerializer.Meta):
        fields = [*TicketSerializer.Meta.fields, "values", "attempts", "timeline", "closeout"]
        read_only_fields = fields

    @extend_schema_field(CheckSerializer(many=True))
    def get_closeout(self, ticket: Ticket) -> list[Any]:
        return list(CheckSerializer(closeout_of(ticket), many=True).data)


class OpenInput(serializers.Serializer[Any]):
    """`text`: one or more values, or the header of a backup image, pasted or read from a file."""

    text = serializers.CharField(max_length=4_000_000)
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=2_000)
    ended = serializers.ChoiceField(choices=Ticket.Ended.choices, required=False, default="failed")


class ReasonInput(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=2_000)


class ReissueInput(serializers.Serializer[Any]):
    """`unit`: kept (in stock or on site), lost, or dead on arrival."""

    reason = serializers.CharField(max_length=500)
    unit = serializers.ChoiceField(choices=["kept", "lost", "dead"], required=False, default="kept")


class EditInput(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, max_length=2_000, allow_blank=True)
    ended = serializers.ChoiceField(choices=Ticket.Ended.choices, required=False)
    contact_email = serializers.EmailField(required=False)


class ReserveInput(serializers.Serializer[Any]):
    """Either the waiting request's id, or the serial number of the unit that waits."""

    transfer_request = serializers.UUIDField(required=False)
    serial = serializers.CharField(required=False, max_length=64)


class DocumentAnswer(serializers.Serializer[Any]):
    document = serializers.CharField()
    digest = serializers.CharField()
    approvals = serializers.ListField(child=serializers.CharField())
    needed = serializers.IntegerField()


class ApprovalInput(serializers.Serializer[Any]):
    approval = serializers.CharField(max_length=64_000)


class ShipmentInput(serializers.Serializer[Any]):
    carrier = serializers.CharField(max_length=100)
    tracking = serializers.CharField(max_length=200)
    expected_on = serializers.DateField(required=False, allow_null=True, default=None)


class CollectInput(serializers.Serializer[Any]):
    request_digest = serializers.CharField(max_length=64)
    code = serializers.CharField(max_length=40)


class CollectAnswer(serializers.Serializer[Any]):
    transfer = serializers.CharField()


class InstallationInput(serializers.Serializer[Any]):
    receipt = serializers.CharField(max_length=64_000)


class ReportInput(serializers.Serializer[Any]):
    report = serializers.CharField(max_length=64_000)


class TicketStateAnswer(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    state = serializers.CharField()
