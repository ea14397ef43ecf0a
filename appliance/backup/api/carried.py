"""REST of carried images."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole, actor_of
from appliance.backup import selectors
from appliance.backup.actions import hand_out_carried, remove_carried, start_export, start_import
from appliance.backup.carried import carried_files, directory
from ground.rest.download import asked_start, file_response
from ground.rest.idempotency import idempotent
from jobs.api.accepted import accepted
from jobs.api.serializers import JobSerializer

READERS = ("admin", "auditor", "recovery-operator")
RECOVERERS = ("admin", "recovery-operator")


class CarriedFileSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    size = serializers.IntegerField()
    modified = serializers.DateTimeField()
    image = serializers.CharField(allow_blank=True, help_text="what the header says, not verified yet")
    serial = serializers.CharField(allow_blank=True)
    sequence = serializers.IntegerField()
    epoch = serializers.IntegerField()
    key_id = serializers.CharField(allow_blank=True)
    made_at = serializers.DateTimeField(allow_null=True)
    problem = serializers.DictField(allow_null=True)


class CarriedFilesSerializer(serializers.Serializer[Any]):
    directory = serializers.CharField(help_text="on the unit: where files are put and found")
    files = CarriedFileSerializer(many=True)


class ExportSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="of the file; default: serial and number"
    )


class ImportSerializer(serializers.Serializer[Any]):
    file = serializers.CharField(max_length=120, help_text="a name from the list of carried images")


class CarriedFilesView(APIView):
    """Files in the unit's directory for carried images."""

    def get_permissions(self) -> Any:
        return [HasRole(*READERS)()]

    @extend_schema(operation_id="carried_images_list", responses=CarriedFilesSerializer)
    def get(self, request: Request) -> Response:
        shown = {"directory": str(directory()), "files": carried_files()}
        return Response(CarriedFilesSerializer(shown).data)


class CarriedFileView(APIView):
    """One of these files."""

    def get_permissions(self) -> Any:
        return [HasRole("admin")()]

    @extend_schema(
        operation_id="carried_images_download",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, name: str) -> HttpResponseBase:
        """The file itself; a `Range` goes on with a download that broke off. What is in it is sealed."""
        begins = asked_start(request) == 0
        opened = hand_out_carried(name, actor=actor_of(request), note=begins)
        return file_response(request, opened, name=name)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Remove the file; what targets hold stays."""
        remove_carried(name, actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExportView(APIView):
    """Write an image into a single file."""

    def get_permissions(self) -> Any:
        return [HasRole("admin")()]

    @extend_schema(request=ExportSerializer, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, image_id: str) -> Response:
        given = ExportSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = start_export(
            selectors.image(image_id),
            actor=actor_of(request),
            name=given.validated_data.get("name") or None,
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        return accepted(job)


class ImportView(APIView):
    """Take a carried image in, onto a target."""

    def get_permissions(self) -> Any:
        return [HasRole(*RECOVERERS)()]

    @extend_schema(request=ImportSerializer, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, target_id: str) -> Response:
        given = ImportSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = start_import(
            selectors.target(target_id),
            actor=actor_of(request),
            file=given.validated_data["file"],
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        return accepted(job)
