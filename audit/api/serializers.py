"""Shapes of events in REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit.models import Event


class EventSerializer(serializers.ModelSerializer[Event]):
    facts = serializers.DictField(read_only=True)
    chain = serializers.UUIDField(source="chain_id", read_only=True)

    class Meta:
        model = Event
        fields = [
            "id",
            "chain",
            "sequence",
            "at",
            "action",
            "outcome",
            "actor_kind",
            "actor_id",
            "actor_name",
            "subject",
            "facts",
            "previous",
            "digest",
        ]
        read_only_fields = fields


class HeadSerializer(serializers.Serializer[Any]):
    chain = serializers.UUIDField()
    sequence = serializers.IntegerField()
    digest = serializers.CharField()


class FaultSerializer(serializers.Serializer[Any]):
    chain = serializers.UUIDField()
    sequence = serializers.IntegerField()
    reason = serializers.CharField()


class VerdictSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField()
    events = serializers.IntegerField()
    heads = HeadSerializer(many=True)
    faults = FaultSerializer(many=True)
