"""REST of virtual images."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole, actor_of, user_of
from appliance.catalog import actions, selectors
from appliance.catalog.api.serializers import (
    ImageChangeSerializer,
    NewImageSerializer,
    VirtualImageSerializer,
)
from appliance.catalog.models import VirtualImage
from appliance.content.selectors import upload_for
from ground.rest.etags import require_match, with_etag
from ground.rest.idempotency import idempotent
from jobs.api.accepted import accepted
from jobs.api.serializers import JobSerializer

READERS = ("admin", "auditor", "member")
WRITERS = ("admin", "member")


class VirtualImagesView(ListAPIView[VirtualImage]):
    """Virtual images one may see, newest first."""

    serializer_class = VirtualImageSerializer
    filterset_fields = ["state", "source"]
    queryset = VirtualImage.objects.none()

    def get_permissions(self) -> Any:
        return [HasRole(*(WRITERS if self.request.method == "POST" else READERS))()]

    def get_queryset(self) -> Any:
        return selectors.images_for(user_of(self.request))

    @extend_schema(request=NewImageSerializer, responses={201: VirtualImageSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Make an image of an upload. It is sealed when the upload is complete and a key is active."""
        given = NewImageSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        fields = given.validated_data
        user = user_of(request)
        image = actions.create_from_upload(
            actor=actor_of(request),
            owner=user,
            upload=upload_for(user, fields["upload"]),
            name=fields["name"],
            description=fields["description"],
            sha256=fields["sha256"],
        )
        headers = {"Location": reverse("virtual-image", kwargs={"image_id": image.pk})}
        return Response(VirtualImageSerializer(image).data, status=status.HTTP_201_CREATED, headers=headers)


class VirtualImageView(APIView):
    """One virtual image."""

    def get_permissions(self) -> Any:
        return [HasRole(*(READERS if self.request.method == "GET" else WRITERS))()]

    @extend_schema(responses=VirtualImageSerializer)
    def get(self, request: Request, image_id: str) -> Response:
        image = selectors.image_for(user_of(request), image_id)
        return with_etag(Response(VirtualImageSerializer(image).data))

    @extend_schema(request=ImageChangeSerializer, responses=VirtualImageSerializer)
    def patch(self, request: Request, image_id: str) -> Response:
        """Change name or description; If-Match names the version that was read."""
        image = selectors.image_for_change(user_of(request), image_id)
        require_match(request, VirtualImageSerializer(image).data)
        given = ImageChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        image = actions.rename_image(image, actor=actor_of(request), **given.validated_data)
        image.refresh_from_db()
        return with_etag(Response(VirtualImageSerializer(image).data))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, image_id: str) -> Response:
        image = selectors.image_for_change(user_of(request), image_id)
        actions.delete_image(image, actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SealView(APIView):
    """Try again to seal an image that waits or failed."""

    def get_permissions(self) -> Any:
        return [HasRole(*WRITERS)()]

    @extend_schema(request=None, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, image_id: str) -> Response:
        image = selectors.image_for_change(user_of(request), image_id)
        return accepted(actions.seal_image(image, actor=actor_of(request)))
