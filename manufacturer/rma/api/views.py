"""REST over tickets, for people, and the three calls of a replacement unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.permissions import HasRole, actor_of, user_of
from ground.rest.idempotency import idempotent
from manufacturer.rma import selectors
from manufacturer.rma.actions.accept_ticket import accept_ticket
from manufacturer.rma.actions.add_approval import add_approval
from manufacturer.rma.actions.cancel_ticket import cancel_ticket
from manufacturer.rma.actions.close_ticket import close_ticket
from manufacturer.rma.actions.collect_transfer import collect_transfer
from manufacturer.rma.actions.confirm_receipt import confirm_receipt, send_new_code
from manufacturer.rma.actions.edit_ticket import edit_ticket
from manufacturer.rma.actions.open_ticket import open_ticket
from manufacturer.rma.actions.refuse_ticket import refuse_ticket
from manufacturer.rma.actions.reissue_ticket import reissue_ticket
from manufacturer.rma.actions.reserve_replacement import reserve_replacement
from manufacturer.rma.actions.ship_ticket import ship_ticket
from manufacturer.rma.actions.take_installation import take_installation
from manufacturer.rma.actions.take_report import take_report
from manufacturer.rma.api import serializers as shape
from manufacturer.rma.models import Ticket

READERS = HasRole("clerk", "approver", "custodian", "auditor", "contact")
CLERKS = HasRole("clerk")
APPROVERS = HasRole("approver")
OPENERS = HasRole("contact", "clerk")


class TicketViews(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Ticket]):
    """Tickets. Each verb is one arrow of the ticket's life and answers with the ticket as it then is."""

    queryset = Ticket.objects.none()
    serializer_class = shape.TicketSerializer
    ordering = ["-created_at", "id"]
    verbs = {
        "create": OPENERS,
        "accept": CLERKS,
        "refuse": CLERKS,
        "cancel": OPENERS,
        "edit": CLERKS,
        "reserve": CLERKS,
        "approvals": APPROVERS,
        "shipment": CLERKS,
        "receipt": OPENERS,
        "code": OPENERS,
        "reissue": CLERKS,
        "close": CLERKS,
    }

    def get_permissions(self) -> list[Any]:
        return [self.verbs.get(self.action or "", READERS)()]

    def get_queryset(self) -> QuerySet[Ticket]:
        return selectors.tickets_for(user_of(self.request))

    def get_serializer_class(self) -> type[Serializer[Any]]:
        return shape.TicketDetailSerializer if self.action == "retrieve" else shape.TicketSerializer

    def _do(self, request: Request, pk: str, verb: Callable[..., Ticket], given: Any = None) -> Response:
        facts = {}
        if given is not None:
            given.is_valid(raise_exception=True)
            facts = given.validated_data
        ticket = selectors.ticket_for(user_of(request), pk)
        return Response(
            shape.TicketDetailSerializer(verb(actor=actor_of(request), ticket=ticket, **facts)).data
        )

    @extend_schema(request=shape.OpenInput, responses={201: shape.TicketDetailSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Open a ticket with values or with the header of any backup image."""
        given = shape.OpenInput(data=request.data)
        given.is_valid(raise_exception=True)
        ticket = open_ticket(actor=actor_of(request), user=user_of(request), **given.validated_data)
        return Response(shape.TicketDetailSerializer(ticket).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=shape.TicketDetailSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        return self._do(request, pk, accept_ticket)

    @extend_schema(request=shape.ReasonInput, responses=shape.TicketDetailSerializer)
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, pk: str) -> Response:
        return self._do(request, pk, refuse_ticket, shape.ReasonInput(data=request.data))

    @extend_schema(request=shape.ReasonInput, responses=shape.TicketDetailSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        return self._do(request, pk, cancel_ticket, shape.ReasonInput(data=request.data))

    @extend_schema(request=shape.EditInput, responses=shape.TicketDetailSerializer)
    @action(detail=True, methods=["post"])
    def edit(self, request: Request, pk: str) -> Response:
        """Correct an accepted ticket. Voids every approval given so far."""
        return self._do(request, pk, edit_ticket, shape.EditInput(data=request.data))

    @extend_schema(request=shape.ReserveInput, responses=shape.TicketDetailSerializer)
    @action(detail=True, methods=["post"], url_path="request")
    def reserve(self, request: Request, pk: str) -> Response:
        """Reserve the unit that waits and join its transfer request; makes the ticket document."""
        given = shape.ReserveInput(data=request.data)
        given.is_valid(raise_exception=True)
        waiting = selectors.waiting_request(user_of(request), **given.validated_data)
        ticket = selectors.ticket_for(user_of(request), pk)
        row = reserve_replacement(actor=actor_of(request), ticket=ticket, transfer_request=waiting)
        return Response(shape.TicketDetailSerializer(row).data)

    @extend_schema(responses=shape.DocumentAnswer)
    @action(detail=True, methods=["get"])
    def document(self, request: Request, pk: str) -> Response:
        """The exact document to approve, its digest, and the signatures so far."""
        return Response(selectors.approval_material(selectors.ticket_for(user_of(request), pk)))

    @extend_schema(request=shape.ApprovalInput, responses=shape.TicketDetailSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def approvals(self, request: Request, pk: str) -> Response:
        """A finished signature, made on the approver's own side."""
        return self._do(request, pk, add_approval, shape.ApprovalInput(data=request.data))

    @extend_schema(request=shape.ShipmentInput, responses=shape.TicketDetailSerializer)
    @action(detail=True, methods=["post"])
    def shipment(self, request: Request, pk: str) -> Response:
        return self._do(request, pk, ship_ticket, shape.ShipmentInput(data=request.data))

    @extend_schema(request=None, responses=shape.TicketDetailSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def receipt(self, request: Request, pk: str) -> Response:
        """The customer has the unit; a release code is mailed to the contact."""
        return self._do(request, pk, confirm_receipt)

    @extend_schema(request=None, responses=shape.TicketDetailSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def code(self, request: Request, pk: str) -> Response:
        """Mail a new release code; the former one is void."""
        return self._do(request, pk, send_new_code)

    @extend_schema(request=shape.ReissueInput, responses=shape.TicketDetailSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def reissue(self, request: Request, pk: str) -> Response:
        """Void the transfer that was made and begin again with another unit and new approvals."""
        return self._do(request, pk, reissue_ticket, shape.ReissueInput(data=request.data))

    @extend_schema(request=None, responses=shape.TicketDetailSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        return self._do(request, pk, close_ticket)

    @extend_schema(responses=shape.MoveSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=None)
    def moves(self, request: Request, pk: str) -> Response:
        """What can be done now, by whom; and why not, where not."""
        moves = selectors.moves_of(selectors.ticket_for(user_of(request), pk), user_of(request))
        return Response(shape.MoveSerializer(moves, many=True).data)


class CollectView(APIView):
    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(request=shape.CollectInput, responses=shape.CollectAnswer, auth=[])
    def post(self, request: Request) -> Response:
        """The replacement fetches its transfer with the code that was mailed to the contact."""
        given = shape.CollectInput(data=request.data)
        given.is_valid(raise_exception=True)
        return Response({"transfer": collect_transfer(**given.validated_data)})


class InstallationView(APIView):
    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(request=shape.InstallationInput, responses=shape.TicketStateAnswer, auth=[])
    def post(self, request: Request) -> Response:
        """The unit's signed receipt: the keys are in its keyring."""
        given = shape.InstallationInput(data=request.data)
        given.is_valid(raise_exception=True)
        ticket = take_installation(document=given.validated_data["receipt"])
        return Response({"ticket": ticket.number, "state": ticket.state})


class ReportView(APIView):
    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(request=shape.ReportInput, responses=shape.TicketStateAnswer, auth=[])
    def post(self, request: Request) -> Response:
        """The unit's signed evidence: restored, rotated, first image verified."""
        given = shape.ReportInput(data=request.data)
        given.is_valid(raise_exception=True)
        ticket = take_report(document=given.validated_data["report"])
        return Response({"ticket": ticket.number, "state": ticket.state})
