"""What the registry shows and takes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from manufacturer.registry.models import Appliance, Customer, TransferRequest, Unit


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = ["id", "name", "reference", "contact_email", "created_at"]
        read_only_fields = ["id", "created_at"]
        extra_kwargs = {"reference": {"required": False, "validators": []}}


class ApplianceSerializer(serializers.ModelSerializer[Appliance]):
    customer_name = serializers.CharField(source="customer.name", read_only=True)

    class Meta:
        model = Appliance
        fields = ["id", "customer", "customer_name", "name", "created_at"]
        read_only_fields = fields


class ApplianceInput(serializers.Serializer[Any]):
    customer = serializers.UUIDField()
    name = serializers.CharField(max_length=120)


class UnitSerializer(serializers.ModelSerializer[Unit]):
    customer_name = serializers.CharField(source="customer.name", default=None, read_only=True)
    appliance_name = serializers.CharField(source="appliance.name", default=None, read_only=True)
    replaced_by_serial = serializers.CharField(source="replaced_by.serial", default=None, read_only=True)

    class Meta:
        model = Unit
        fields = [
            "id",
            "serial",
            "model",
            "state",
            "customer",
            "customer_name",
            "appliance",
            "appliance_name",
            "certificate_thumbprint",
            "kem_thumbprint",
            "vault",
            "replaced_by",
            "replaced_by_serial",
            "withdrawn_reason",
            "withdrawn_at",
            "warranty_until",
            "created_at",
        ]
        read_only_fields = fields


class EnrolInput(serializers.Serializer[Any]):
    """The bundle that `sign_device` printed."""

    bundle = serializers.JSONField()
    model = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)


class AssignInput(serializers.Serializer[Any]):
    customer = serializers.UUIDField()
    appliance = serializers.UUIDField()
    warranty_until = serializers.DateField(required=False, allow_null=True, default=None)


class EndInput(serializers.Serializer[Any]):
    how = serializers.ChoiceField(choices=["failed", "tampered", "stolen"])
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)


class MoveInput(serializers.Serializer[Any]):
    to = serializers.ChoiceField(
        choices=[Unit.State.IN_STOCK, Unit.State.UNDER_REPAIR, Unit.State.RETURNED, Unit.State.RETIRED]
    )
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)


class TransferRequestSerializer(serializers.ModelSerializer[TransferRequest]):
    serial = serializers.CharField(source="unit.serial", read_only=True)

    class Meta:
        model = TransferRequest
        fields = ["id", "unit", "serial", "digest", "state", "created_at"]
        read_only_fields = fields


class TransferRequestInput(serializers.Serializer[Any]):
    request = serializers.CharField(max_length=64_000)


class TransferRequestTaken(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.CharField()
    digest = serializers.CharField()


class AuthorityAnswer(serializers.Serializer[Any]):
    list = serializers.CharField()


class EnrolmentAnswer(serializers.Serializer[Any]):
    enrolment = serializers.CharField()


class AuthorityKeySerializer(serializers.Serializer[Any]):
    """One entry of the signed authority list."""

    key_id = serializers.CharField()
    use = serializers.CharField()
    suite = serializers.CharField()
    state = serializers.CharField()
    list_version = serializers.IntegerField()
