"""How REST views describe themselves in OpenAPI (by drf-spectacular)."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema as Stock
from rest_framework import serializers


class ProblemSerializer(serializers.Serializer[Any]):
    """Problem details (RFC 9457), with a permanent code, facts and the next step."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField()
    facts = serializers.DictField()
    next_step = serializers.CharField()
    event = serializers.CharField()


class AutoSchema(Stock):
    """Every call may answer with a problem; that is said once, here."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if "default" not in bodies:
            bodies["default"] = self._get_response_for_code(  # type: ignore[no-untyped-call]  # untyped
                ProblemSerializer, "default", media_types=["application/problem+json"], direction=direction
            )
        return bodies
