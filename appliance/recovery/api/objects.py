"""REST of single objects in a backup image."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole, actor_of
from appliance.backup import selectors as backups
from appliance.recovery import actions, selectors
from appliance.recovery.models import ListedObject
from appliance.recovery.partial_rules import CLASHES
from ground.rest.idempotency import idempotent
from ground.rest.pagination import CursorPagination
from jobs.api.accepted import accepted
from jobs.api.serializers import JobSerializer

READERS = ("admin", "auditor", "recovery-operator")
RECOVERERS = ("admin", "recovery-operator")


class ListedObjectSerializer(serializers.ModelSerializer[ListedObject]):
    here = serializers.CharField(
        read_only=True, help_text="same: this content is in the catalogue; name: the name is taken; gone"
    )

    class Meta:
        model = ListedObject
        fields = ("object_id", "kind", "name", "size", "sha256", "here")
        read_only_fields = fields


class RestoreObjectSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="another name than it had"
    )
    clash = serializers.ChoiceField(choices=CLASHES, default="refuse", help_text="if the name is taken")
    replaces = serializers.UUIDField(
        required=False, allow_null=True, help_text="the virtual image to replace; it must bear the name"
    )
    dry_run = serializers.BooleanField(default=False, help_text="only tell what it would take")


class ByName(CursorPagination):
    ordering = ("name", "id")


class ObjectsView(ListAPIView[ListedObject]):
    """The objects in a backup image, by name."""

    serializer_class = ListedObjectSerializer
    queryset = ListedObject.objects.none()
    pagination_class = ByName
    filter_backends = ()

    def get_permissions(self) -> Any:
        return [HasRole(*(RECOVERERS if self.request.method == "POST" else READERS))()]

    @extend_schema(parameters=[OpenApiParameter("name", str, description="part of the name")])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = selectors.objects_of(backups.image(kwargs["image_id"]))
        part = request.query_params.get("name", "")
        page = self.paginate_queryset(rows.filter(name__icontains=part) if part else rows)
        assert page is not None
        here = selectors.here_of(page)
        shown = [{**ListedObjectSerializer(row).data, "here": here[row.object_id]} for row in page]
        return self.get_paginated_response(shown)

    @extend_schema(request=None, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, image_id: str) -> Response:
        """Read the list from the image's sealed manifest."""
        key = request.headers.get("Idempotency-Key")
        image = backups.image(image_id)
        return accepted(actions.start_object_list(image, actor=actor_of(request), idempotency_key=key))


class RestoreObjectView(APIView):
    """Bring one object back into the catalogue."""

    def get_permissions(self) -> Any:
        return [HasRole(*RECOVERERS)()]

    @extend_schema(request=RestoreObjectSerializer, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, image_id: str, object_id: str) -> Response:
        given = RestoreObjectSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        job = actions.start_object_restore(
            backups.image(image_id),
            object_id,
            actor=actor_of(request),
            name=asked.get("name") or None,
            clash=asked["clash"],
            replaces=asked.get("replaces"),
            dry_run=asked["dry_run"],
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        return accepted(job)
