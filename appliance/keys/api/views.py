"""REST over keys: what there is, its history, and the steps people take."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole, actor_of, require_fresh
from appliance.keys import selectors
from appliance.keys.actions import (
    download_value,
    make_value_sheet,
    prove_download,
    start_drill,
    start_rotation,
    waive_drill,
)
from appliance.keys.models import KeyEpoch
from appliance.keys.paper import pdf_of, pdf_response
from ground.rest.idempotency import idempotent
from jobs.api.accepted import accepted
from jobs.api.serializers import JobSerializer

from .serializers import (
    HeldSerializer,
    KeyDetailSerializer,
    KeySerializer,
    RotateSerializer,
    ValueSheetSerializer,
    ValueTextSerializer,
    WaiversSerializer,
    WaiveSerializer,
)

READERS = HasRole("admin", "auditor", "recovery-operator")
ADMINS = HasRole("admin")
IDEMPOTENCY = [OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, required=False)]


class KeyListView(ListAPIView[KeyEpoch]):
    permission_classes = [READERS]
    serializer_class = KeySerializer
    queryset = KeyEpoch.objects.none()
    ordering = ["-epoch", "-made_at"]

    def get_queryset(self) -> QuerySet[KeyEpoch]:
        return selectors.epochs()


class KeyView(APIView):
    permission_classes = [READERS]

    @extend_schema(operation_id="keys_show", responses=KeyDetailSerializer)
    def get(self, _request: Request, key_id: str) -> Response:
        """One key with its values, drills, waivers and history."""
        return Response(KeyDetailSerializer(selectors.epoch(key_id)).data)


class RotateView(APIView):
    permission_classes = [ADMINS]

    @extend_schema(
        operation_id="keys_rotate",
        request=RotateSerializer,
        responses={202: JobSerializer},
        parameters=IDEMPOTENCY,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Make a new key, have its value held and drilled, activate it; or go on with the one that waits."""
        given = RotateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return accepted(start_rotation(actor=actor_of(request), **given.validated_data))


class ValueView(APIView):
    permission_classes = [ADMINS]

    @extend_schema(operation_id="keys_download_value", request=None, responses=ValueTextSerializer)
    def post(self, request: Request, key_id: str) -> Response:
        """Hand out the key's values. A POST, because that it was downloaded is written down."""
        text = download_value(actor=actor_of(request), key_id=key_id)
        key = selectors.epoch(key_id)
        body = {"key_id": key.key_id, "epoch": key.epoch, "values": text.split()}
        return Response(ValueTextSerializer(body).data)


class SheetView(APIView):
    permission_classes = [ADMINS]

    @extend_schema(operation_id="keys_value_sheet", request=None, responses=ValueSheetSerializer(many=True))
    def post(self, request: Request, key_id: str) -> Response:
        """The key's values for paper: lines with checks, parts for QR codes. Each look is logged."""
        sheets = make_value_sheet(actor=actor_of(request), key_id=key_id, form="text")
        return Response(ValueSheetSerializer(sheets, many=True).data)


class SheetPdfView(APIView):
    permission_classes = [ADMINS]

    @extend_schema(
        operation_id="keys_value_sheet_pdf",
        request=None,
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
    )
    def post(self, request: Request, key_id: str) -> HttpResponse:
        """The same as a PDF to print. Each look is logged."""
        sheets = make_value_sheet(actor=actor_of(request), key_id=key_id, form="pdf")
        return pdf_response(sheets[0].epoch, pdf_of(sheets))


class HeldView(APIView):
    permission_classes = [ADMINS]

    @extend_schema(
        operation_id="keys_prove_download",
        request=HeldSerializer,
        responses={202: JobSerializer},
        parameters=IDEMPOTENCY,
    )
    @idempotent
    def post(self, request: Request, key_id: str) -> Response:
        """Give the digest of the downloaded value back: someone besides the unit holds it."""
        given = HeldSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = prove_download(actor=actor_of(request), key_id=key_id, digest=given.validated_data["digest"])
        return accepted(job)


class DrillView(APIView):
    permission_classes = [ADMINS]

    @extend_schema(
        operation_id="keys_drill", request=None, responses={202: JobSerializer}, parameters=IDEMPOTENCY
    )
    @idempotent
    def post(self, request: Request, key_id: str) -> Response:
        """Have custody prove that it can bring this key back."""
        return accepted(start_drill(actor=actor_of(request), key_id=key_id))


class WaiverView(APIView):
    permission_classes = [ADMINS]

    @extend_schema(operation_id="keys_waive_drill", request=WaiveSerializer, responses=WaiversSerializer)
    def post(self, request: Request, key_id: str) -> Response:
        """One admin's word that the waiting key may go undrilled for now. Asks for a fresh sign-in."""
        require_fresh(request)
        given = WaiveSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        waivers = waive_drill(actor=actor_of(request), key_id=key_id, why=given.validated_data["why"])
        return Response(WaiversSerializer(waivers).data)
