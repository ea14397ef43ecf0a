"""REST over the registry. Views read, call one action or selector, and show."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.permissions import HasRole, actor_of, user_of
from ground.refusals import Missing
from manufacturer.registry import selectors, trust
from manufacturer.registry.actions.add_appliance import add_appliance
from manufacturer.registry.actions.add_customer import add_customer
from manufacturer.registry.actions.assign_unit import assign_unit, enrolment_of
from manufacturer.registry.actions.enrol_unit import enrol_unit
from manufacturer.registry.actions.move_unit import move_unit
from manufacturer.registry.actions.report_end import report_end
from manufacturer.registry.actions.take_transfer_request import take_transfer_request
from manufacturer.registry.api import serializers as shape
from manufacturer.registry.models import Appliance, Customer, TransferRequest, Unit

READERS = HasRole("clerk", "approver", "custodian", "auditor", "contact")
CLERKS = HasRole("clerk")


class ByVerb:
    """Readers may read; each other verb names its permission in `verbs`."""

    verbs: dict[str, Any] = {}

    def get_permissions(self) -> list[Any]:
        verb: str | None = getattr(self, "action", None)
        return [self.verbs.get(verb or "", READERS)()]


class CustomerViews(ByVerb, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Customer]):
    serializer_class = shape.CustomerSerializer
    queryset = Customer.objects.none()
    verbs = {"create": CLERKS}
    ordering = ["name", "id"]

    def get_queryset(self) -> QuerySet[Customer]:
        return selectors.customers_for(user_of(self.request))

    @extend_schema(responses={201: shape.CustomerSerializer})
    def create(self, request: Request) -> Response:
        given = shape.CustomerSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = add_customer(actor=actor_of(request), **given.validated_data)
        return Response(shape.CustomerSerializer(row).data, status=status.HTTP_201_CREATED)


class ApplianceViews(ByVerb, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Appliance]):
    serializer_class = shape.ApplianceSerializer
    queryset = Appliance.objects.none()
    verbs = {"create": CLERKS}
    ordering = ["name", "id"]

    def get_queryset(self) -> QuerySet[Appliance]:
        return selectors.appliances_for(user_of(self.request))

    @extend_schema(request=shape.ApplianceInput, responses={201: shape.ApplianceSerializer})
    def create(self, request: Request) -> Response:
        given = shape.ApplianceInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = add_appliance(
            actor=actor_of(request),
            customer=selectors.customer_for(user_of(request), given.validated_data["customer"]),
            name=given.validated_data["name"],
        )
        return Response(shape.ApplianceSerializer(row).data, status=status.HTTP_201_CREATED)


class UnitViews(ByVerb, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Unit]):
    serializer_class = shape.UnitSerializer
    queryset = Unit.objects.none()
    verbs = {"create": CLERKS, "assign": CLERKS, "end": CLERKS, "move": CLERKS}
    ordering = ["serial"]

    def get_queryset(self) -> QuerySet[Unit]:
        return selectors.units_for(user_of(self.request))

    @extend_schema(request=shape.EnrolInput, responses={201: shape.UnitSerializer})
    def create(self, request: Request) -> Response:
        given = shape.EnrolInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = enrol_unit(actor=actor_of(request), **given.validated_data)
        return Response(shape.UnitSerializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=shape.AssignInput, responses=shape.UnitSerializer)
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Sell a unit in stock to a customer, for one of their appliances."""
        given = shape.AssignInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = assign_unit(
            actor=actor_of(request),
            unit=selectors.unit_for(user_of(request), pk),
            customer=selectors.customer_for(user_of(request), given.validated_data["customer"]),
            appliance=selectors.appliance_for(user_of(request), given.validated_data["appliance"]),
            warranty_until=given.validated_data["warranty_until"],
        )
        return Response(shape.UnitSerializer(row).data)

    @extend_schema(request=shape.EndInput, responses=shape.UnitSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """A unit failed, was tampered with or stolen: its state and its identity go together."""
        given = shape.EndInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = report_end(
            actor=actor_of(request), unit=selectors.unit_for(user_of(request), pk), **given.validated_data
        )
        return Response(shape.UnitSerializer(row).data)

    @extend_schema(request=shape.MoveInput, responses=shape.UnitSerializer)
    @action(detail=True, methods=["post"])
    def move(self, request: Request, pk: str) -> Response:
        given = shape.MoveInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = move_unit(
            actor=actor_of(request), unit=selectors.unit_for(user_of(request), pk), **given.validated_data
        )
        return Response(shape.UnitSerializer(row).data)


class TransferRequestViews(
    ByVerb, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[TransferRequest]
):
    serializer_class = shape.TransferRequestSerializer
    queryset = TransferRequest.objects.none()
    verbs = {"create": AllowAny}
    ordering = ["-created_at", "id"]

    def get_queryset(self) -> QuerySet[TransferRequest]:
        return selectors.transfer_requests_for(user_of(self.request))

    @extend_schema(request=shape.TransferRequestInput, responses={202: shape.TransferRequestTaken}, auth=[])
    def create(self, request: Request) -> Response:
        """A unit asks to receive keys; its signed request waits until a clerk joins it to a ticket."""
        given = shape.TransferRequestInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = take_transfer_request(document=given.validated_data["request"])
        return Response(
            {"id": row.pk, "state": row.state, "digest": row.digest}, status=status.HTTP_202_ACCEPTED
        )


class AuthorityView(APIView):
    """The signed, versioned authority list. Public: units pin the root it is signed under."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(responses=shape.AuthorityAnswer, auth=[])
    def get(self, _request: Request) -> Response:
        return Response({"list": trust.bundle().authority_list})


class AuthorityKeysView(APIView):
    """The entries of the authority list, for people."""

    permission_classes = [READERS]

    @extend_schema(responses=shape.AuthorityKeySerializer(many=True))
    def get(self, _request: Request) -> Response:
        return Response(shape.AuthorityKeySerializer(trust.authority_keys(), many=True).data)


class EnrolmentView(APIView):
    """Who a unit was sold to, signed by the front desk, by its certificate's thumbprint."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(responses=shape.EnrolmentAnswer, auth=[])
    def get(self, _request: Request, thumbprint: str) -> Response:
        unit = Unit.objects.filter(certificate_thumbprint=thumbprint, withdrawn_reason="").first()
        if unit is None or unit.customer_id is None:
            raise Missing(thing="enrolment")
        return Response({"enrolment": enrolment_of(unit)})
