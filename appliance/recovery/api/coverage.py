"""REST of the coverage map."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole
from appliance.backup.models import BackupImage, BackupTarget
from appliance.recovery import coverage
from ground.refusals import Missing
from ground.rest.pagination import CursorPagination

READERS = ("admin", "auditor", "recovery-operator")


class _Light(serializers.Serializer[Any]):
    light = serializers.CharField(help_text="green, amber or red")
    why = serializers.CharField()


class ValueCoverSerializer(_Light):
    digest = serializers.CharField()
    authority = serializers.CharField(help_text="key id of the authority that the value is sealed to")
    authority_state = serializers.ChoiceField(choices=["active", "retired", "revoked", "unknown"])
    on_file = serializers.ListField(child=serializers.ChoiceField(choices=["lodged", "downloaded", "header"]))
    lodged_at = serializers.DateTimeField(allow_null=True)
    downloaded_at = serializers.DateTimeField(allow_null=True)


class _Covered(_Light):
    action = serializers.CharField(allow_blank=True, help_text="the one thing to do; empty when green")
    url = serializers.CharField(allow_blank=True)


class EpochCoverSerializer(_Covered):
    key_id = serializers.CharField()
    epoch = serializers.IntegerField()
    kind = serializers.CharField(allow_blank=True)
    origin = serializers.CharField(allow_blank=True)
    state = serializers.CharField(allow_blank=True, help_text="of the key on this unit; empty: never here")
    here = serializers.BooleanField(help_text="this unit can open its images itself")
    serial = serializers.CharField(allow_blank=True)
    needed = serializers.BooleanField(help_text="an image needs it: it cannot be retired")
    images = serializers.IntegerField()
    verified = serializers.IntegerField()
    unverified = serializers.IntegerField()
    damaged = serializers.IntegerField()
    expired = serializers.IntegerField()
    newest_at = serializers.DateTimeField(allow_null=True)
    by_target = serializers.DictField(child=serializers.IntegerField())
    proven = serializers.CharField(allow_blank=True)
    proven_at = serializers.DateTimeField(allow_null=True)
    values = ValueCoverSerializer(many=True)


class TargetCoverSerializer(_Covered):
    target = serializers.UUIDField()
    name = serializers.CharField()
    state = serializers.CharField()
    freshness = serializers.CharField()
    checked_at = serializers.DateTimeField(allow_null=True)
    images = serializers.IntegerField()
    damaged = serializers.IntegerField()
    newest_at = serializers.DateTimeField(allow_null=True)


class CoverageSerializer(serializers.Serializer[Any]):
    light = serializers.CharField(help_text="green, amber or red")
    action = serializers.CharField(allow_blank=True)
    images = serializers.IntegerField()
    as_of = serializers.DateTimeField()
    epochs = EpochCoverSerializer(many=True)
    targets = TargetCoverSerializer(many=True)


class ImageCoverSerializer(_Covered):
    image = serializers.UUIDField()
    target = serializers.UUIDField()
    target_name = serializers.CharField()
    serial = serializers.CharField()
    sequence = serializers.IntegerField()
    state = serializers.CharField()
    made_at = serializers.DateTimeField(allow_null=True)
    verified_at = serializers.DateTimeField(allow_null=True)
    epoch = serializers.IntegerField()
    key_id = serializers.CharField()
    proven = serializers.CharField(allow_blank=True)
    proven_at = serializers.DateTimeField(allow_null=True)
    opens_here = serializers.BooleanField()
    values = ValueCoverSerializer(many=True)


class CoverageView(APIView):
    """What opens which images, by key and by target."""

    def get_permissions(self) -> Any:
        return [HasRole(*READERS)()]

    @extend_schema(responses=CoverageSerializer)
    def get(self, request: Request) -> Response:
        return Response(CoverageSerializer(coverage.coverage()).data)


class ByTime(CursorPagination):
    """By the time an image was made, which has an index; rows are created in any order."""

    ordering = ("-made_at",)


class CoveredImagesView(ListAPIView[BackupImage]):
    """Every image, with what opens it; newest first."""

    serializer_class = ImageCoverSerializer
    queryset = BackupImage.objects.none()
    pagination_class = ByTime
    filter_backends = ()

    def get_permissions(self) -> Any:
        return [HasRole(*READERS)()]

    @extend_schema(
        parameters=[
            OpenApiParameter("target", str, description="id of a target"),
            OpenApiParameter("key_id", str, description="id of a key"),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        asked = request.query_params
        place = _target_id(asked["target"]) if asked.get("target") else None
        rows = coverage.covered_images(target=place, key_id=asked.get("key_id", ""))
        page = self.paginate_queryset(rows)
        assert page is not None
        return self.get_paginated_response(ImageCoverSerializer(coverage.cover_of(page), many=True).data)


def _target_id(text: str) -> uuid.UUID:
    """The id of a target that is there; its images are not counted for that."""
    try:
        pk = uuid.UUID(text)
    except ValueError:
        raise Missing(target=text[:64]) from None
    if not BackupTarget.objects.filter(pk=pk).exists():
        raise Missing(target=text[:64])
    return pk
