"""REST of uploads: looking. Everything else below the address is the upload protocol's (`content.tus`)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole, user_of
from appliance.content import selectors
from appliance.content.api.serializers import UploadSerializer
from appliance.content.models import Upload

ROLES = ("admin", "member")


class UploadsView(ListAPIView[Upload]):
    """One's own uploads, newest first. New ones: POST by the upload protocol (tus 1.0.0)."""

    serializer_class = UploadSerializer
    filterset_fields = ["state"]
    queryset = Upload.objects.none()

    def get_permissions(self) -> Any:
        return [HasRole(*ROLES)()]

    def get_queryset(self) -> Any:
        return selectors.uploads_for(user_of(self.request))


class UploadView(APIView):
    """One upload and how much of it has arrived."""

    def get_permissions(self) -> Any:
        return [HasRole(*ROLES)()]

    @extend_schema(responses=UploadSerializer)
    def get(self, request: Request, upload_id: str) -> Response:
        return Response(UploadSerializer(selectors.upload_for(user_of(request), upload_id)).data)
