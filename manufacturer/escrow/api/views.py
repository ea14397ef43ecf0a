"""REST over escrow: units lodge and drill by signed documents, people look, custody pulls and answers."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.permissions import HasRole, user_of
from audit.actor import Actor
from manufacturer.escrow import selectors
from manufacturer.escrow.actions.answer_request import answer_request
from manufacturer.escrow.actions.ask_drill import ask_drill
from manufacturer.escrow.actions.identify import identify
from manufacturer.escrow.actions.lodge_head import lodge_head
from manufacturer.escrow.actions.lodge_value import lodge_value
from manufacturer.escrow.actions.mirror_ledger import mirror_ledger
from manufacturer.escrow.api import serializers as shape
from manufacturer.escrow.api.custody_token import CustodyAuthentication, IsCustody
from manufacturer.escrow.models import Drill, LedgerEntry, LodgedHead, LodgedValue

READERS = HasRole("clerk", "approver", "custodian", "auditor", "contact")


class OpenToUnits:
    """Anyone may post a signed document, which is its own authentication; only people may read."""

    open_verbs: tuple[str, ...] = ("create",)

    def get_permissions(self) -> list[Any]:
        return [AllowAny() if getattr(self, "action", None) in self.open_verbs else READERS()]


class ValueViews(OpenToUnits, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[LodgedValue]):
    serializer_class = shape.LodgedValueSerializer
    queryset = LodgedValue.objects.none()
    ordering = ["-lodged_at", "id"]

    def get_queryset(self) -> QuerySet[LodgedValue]:
        return selectors.values_for(user_of(self.request))

    @extend_schema(request=shape.ValueInput, responses={201: shape.ValueTaken}, auth=[])
    def create(self, request: Request) -> Response:
        """A unit lodges its escrow value for a receipt signed by the front desk."""
        given = shape.ValueInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = lodge_value(document=given.validated_data["value"])
        return Response({"id": row.pk, "receipt": row.receipt}, status=status.HTTP_201_CREATED)


class IdentifyView(APIView):
    """Paste any value or header: what does it belong to?"""

    permission_classes = [READERS]

    @extend_schema(request=shape.IdentifyInput, responses=shape.FindingSerializer(many=True))
    def post(self, request: Request) -> Response:
        given = shape.IdentifyInput(data=request.data)
        given.is_valid(raise_exception=True)
        found = identify(user=user_of(request), text=given.validated_data["text"])
        return Response(shape.FindingSerializer(found, many=True).data)


class HeadViews(OpenToUnits, mixins.ListModelMixin, GenericViewSet[LodgedHead]):
    serializer_class = shape.LodgedHeadSerializer
    queryset = LodgedHead.objects.none()
    ordering = ["-lodged_at", "id"]

    def get_queryset(self) -> QuerySet[LodgedHead]:
        return selectors.heads_for(user_of(self.request))

    @extend_schema(request=shape.HeadInput, responses={201: shape.HeadTaken}, auth=[])
    def create(self, request: Request) -> Response:
        """A unit lodges the newest header of one of its targets; an older one is refused."""
        given = shape.HeadInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = lodge_head(document=given.validated_data["head"])
        return Response({"receipt": row.receipt}, status=status.HTTP_201_CREATED)


class DrillViews(OpenToUnits, mixins.ListModelMixin, GenericViewSet[Drill]):
    """`retrieve` is open: the id is random, and the answer useful to the asking unit alone."""

    serializer_class = shape.DrillSerializer
    queryset = Drill.objects.none()
    open_verbs = ("create", "retrieve")
    ordering = ["-created_at", "id"]

    def get_queryset(self) -> QuerySet[Drill]:
        return selectors.drills_for(user_of(self.request))

    @extend_schema(request=shape.DrillInput, responses={202: shape.DrillTaken}, auth=[])
    def create(self, request: Request) -> Response:
        """A unit asks whether its value still opens; custody answers when it next pulls."""
        given = shape.DrillInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = ask_drill(document=given.validated_data["request"])
        return Response({"id": row.pk, "state": row.state}, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=shape.DrillState, auth=[])
    def retrieve(self, _request: Request, pk: str) -> Response:
        row = selectors.drill(pk)
        return Response({"state": row.state, "proof": row.proof or None})


class LedgerViews(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[LedgerEntry]):
    serializer_class = shape.LedgerEntrySerializer
    queryset = LedgerEntry.objects.none()
    permission_classes = [READERS]
    ordering = ["-sequence"]

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        return selectors.ledger_for(user_of(self.request))


class CustodyRequestsView(APIView):
    """What waits for custody. Its bearer token protects availability only; custody believes signatures."""

    authentication_classes = [CustodyAuthentication]
    permission_classes = [IsCustody]

    @extend_schema(responses=shape.CustodyRequestSerializer(many=True), operation_id="custody_requests")
    def get(self, _request: Request) -> Response:
        waiting = selectors.waiting_custody_requests()
        return Response(shape.CustodyRequestSerializer(waiting, many=True).data)


class CustodyReplyView(APIView):
    authentication_classes = [CustodyAuthentication]
    permission_classes = [IsCustody]

    @extend_schema(request=shape.CustodyReplyInput, responses=shape.CustodyReplyTaken)
    def post(self, request: Request, pk: str) -> Response:
        """Custody's one answer to a request; the same answer again is taken as the same."""
        given = shape.CustodyReplyInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = answer_request(actor=Actor.system("custody"), request_id=pk, reply=dict(given.validated_data))
        return Response({"state": row.state})


class CustodyLedgerView(APIView):
    authentication_classes = [CustodyAuthentication]
    permission_classes = [IsCustody]

    @extend_schema(request=shape.CustodyLedgerInput, responses=shape.CustodyLedgerTaken)
    def post(self, request: Request) -> Response:
        """Entries of custody's ledger in order; answered with the front desk's countersignatures."""
        given = shape.CustodyLedgerInput(data=request.data)
        given.is_valid(raise_exception=True)
        signed = mirror_ledger(actor=Actor.system("custody"), entries=given.validated_data["entries"])
        return Response({"countersignatures": signed})
