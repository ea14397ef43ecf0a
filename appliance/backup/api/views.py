"""REST of targets and backup images. Reading, and jobs; the engine works."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole, actor_of
from appliance.backup import actions, selectors
from appliance.backup.api.serializers import (
    BackupImageSerializer,
    BackupTargetSerializer,
    CopySerializer,
    HeaderSerializer,
    NewBackupSerializer,
    NewTargetSerializer,
    TargetChangeSerializer,
    VerifySerializer,
)
from appliance.backup.models import BackupImage, BackupTarget
from ground.rest.etags import require_match, with_etag
from ground.rest.idempotency import idempotent
from jobs.api.accepted import accepted
from jobs.api.serializers import JobSerializer

# A recovery operator looks at targets and images and connects them; only an admin writes to them.
READERS = ("admin", "auditor", "recovery-operator")
CONNECTORS = ("admin", "recovery-operator")


class BackupTargetsView(ListAPIView[BackupTarget]):
    """Backup targets."""

    serializer_class = BackupTargetSerializer
    filterset_fields = ["state", "kind"]
    queryset = BackupTarget.objects.none()

    def get_permissions(self) -> Any:
        return [HasRole(*(CONNECTORS if self.request.method == "POST" else READERS))()]

    def get_queryset(self) -> Any:
        return selectors.targets()

    @extend_schema(request=NewTargetSerializer, responses={201: BackupTargetSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Add a target; a job then connects it, and the target's state tells what came of it."""
        given = NewTargetSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        if values.get("copy_of") is not None:
            values["copy_of"] = selectors.target(values["copy_of"])
        target = actions.add_target(actor=actor_of(request), **values)
        headers = {"Location": reverse("backup-target", kwargs={"target_id": target.pk})}
        return Response(BackupTargetSerializer(target).data, status=status.HTTP_201_CREATED, headers=headers)


class MayCorrect(BasePermission):
    """An admin; before the unit is in service also its recovery operator, who added the target."""

    def has_permission(self, request: Request, view: Any) -> bool:
        roles = CONNECTORS if selectors.are_targets_open() else ("admin",)
        return HasRole(*roles)().has_permission(request, view)


class BackupTargetView(APIView):
    """One target."""

    def get_permissions(self) -> Any:
        if self.request.method == "PATCH":
            return [MayCorrect()]
        return [HasRole(*(READERS if self.request.method == "GET" else ("admin",)))()]

    @extend_schema(responses=BackupTargetSerializer)
    def get(self, request: Request, target_id: str) -> Response:
        return with_etag(Response(BackupTargetSerializer(selectors.target(target_id)).data))

    @extend_schema(request=TargetChangeSerializer, responses=BackupTargetSerializer)
    def patch(self, request: Request, target_id: str) -> Response:
        """Change name or settings; If-Match names the version that was read."""
        target = selectors.target(target_id)
        require_match(request, BackupTargetSerializer(target).data)
        given = TargetChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        actions.edit_target(target, actor=actor_of(request), **given.validated_data)
        return with_etag(Response(BackupTargetSerializer(selectors.target(target_id)).data))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, target_id: str) -> Response:
        """Forget the target; nothing on it is touched."""
        actions.remove_target(selectors.target(target_id), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConnectView(APIView):
    """Look at a target again: is it there, whose is it, which images lie on it."""

    def get_permissions(self) -> Any:
        return [HasRole(*CONNECTORS)()]

    @extend_schema(request=None, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, target_id: str) -> Response:
        return accepted(actions.connect_target(selectors.target(target_id), actor=actor_of(request)))


class CopyView(APIView):
    """Bring a copy of this target up to date."""

    def get_permissions(self) -> Any:
        return [HasRole("admin")()]

    @extend_schema(request=CopySerializer, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, target_id: str) -> Response:
        """Copy sealed packs and signed headers as they are; needs no key, and sends nothing twice."""
        given = CopySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = actions.start_copy(
            selectors.target(target_id),
            actor=actor_of(request),
            to=selectors.target(given.validated_data["to"]),
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        return accepted(job)


class BackupImagesView(ListAPIView[BackupImage]):
    """Backup images on all targets, newest first."""

    serializer_class = BackupImageSerializer
    filterset_fields = ["state", "target", "serial", "epoch", "own"]
    queryset = BackupImage.objects.none()

    def get_permissions(self) -> Any:
        return [HasRole(*(("admin",) if self.request.method == "POST" else READERS))()]

    def get_queryset(self) -> Any:
        return selectors.images()

    @extend_schema(request=NewBackupSerializer, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Start a backup of the unit, or with `dry_run` only say what it would send."""
        given = NewBackupSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        target = selectors.target(given.validated_data["target"])
        key = request.headers.get("Idempotency-Key")
        dry_run = given.validated_data["dry_run"]
        job = actions.start_backup(target, actor=actor_of(request), dry_run=dry_run, idempotency_key=key)
        return accepted(job)


class BackupImageView(APIView):
    """One image, as its signed header and the last verification tell of it."""

    def get_permissions(self) -> Any:
        return [HasRole(*READERS)()]

    @extend_schema(responses=BackupImageSerializer)
    def get(self, request: Request, image_id: str) -> Response:
        return Response(BackupImageSerializer(selectors.image(image_id)).data)


class HeaderView(APIView):
    """The signed header of an image: public, and what opens a ticket at the desk."""

    def get_permissions(self) -> Any:
        return [HasRole(*READERS)()]

    @extend_schema(responses=HeaderSerializer)
    def get(self, request: Request, image_id: str) -> Response:
        image = selectors.image(image_id)
        values = [value.document for value in selectors.values_on_targets([image])]
        return Response(HeaderSerializer({"header": image.header, "values": values}).data)


class VerifyView(APIView):
    """Verify an image."""

    def get_permissions(self) -> Any:
        return [HasRole("admin", "recovery-operator")()]

    @extend_schema(request=VerifySerializer, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, image_id: str) -> Response:
        """Against digests, or with every chunk opened."""
        given = VerifySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = actions.start_verify(
            selectors.image(image_id),
            actor=actor_of(request),
            depth=given.validated_data["depth"],
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        return accepted(job)
