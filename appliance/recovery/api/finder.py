"""REST of the finder. POST, because what is pasted is too long for an address and has no place in logs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.permissions import HasRole
from appliance.recovery.finder import find


class FinderQuerySerializer(serializers.Serializer[Any]):
    text = serializers.CharField(
        allow_blank=True,
        trim_whitespace=False,
        help_text="a document, digest, key id, id, serial number or part of a name",
    )


class FoundFactSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # the name of a fact, not of this field
    value = serializers.CharField()


class FoundHitSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()
    title = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    api = serializers.CharField(allow_blank=True)


class FindingSerializer(serializers.Serializer[Any]):
    asked = serializers.CharField(help_text="what the text is")
    title = serializers.CharField()
    facts = FoundFactSerializer(many=True)
    hits = FoundHitSerializer(many=True)
    opens = FoundHitSerializer(many=True, help_text="the newest images that it opens")
    opens_count = serializers.IntegerField()
    notes = serializers.ListField(child=serializers.CharField())


class FinderView(APIView):
    """What is this text, and what is known about it here?"""

    def get_permissions(self) -> Any:
        return [HasRole("admin", "auditor", "recovery-operator", "member")()]

    @extend_schema(request=FinderQuerySerializer, responses=FindingSerializer)
    def post(self, request: Request) -> Response:
        asked = FinderQuerySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        return Response(FindingSerializer(find(asked.validated_data["text"], user=request.user)).data)
