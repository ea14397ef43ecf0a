"""REST over the unit: `unit`, `settings`, and the few things done to it."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole, actor_of, require_fresh
from appliance.unit import selectors
from appliance.unit.actions import (
    confirm_outbound,
    declare_tampered,
    first_installation,
    refresh_authority_list,
    set_desk,
)
from ground.refusals import Invalid
from ground.rest.idempotency import idempotent
from jobs.api.accepted import accepted
from jobs.api.serializers import JobSerializer

from .serializers import (
    AuthorityListSerializer,
    InstallationSerializer,
    SettingsSerializer,
    TamperSerializer,
    UnitSerializer,
)

ANYONE = HasRole("admin", "auditor", "member", "recovery-operator")
ADMINS = HasRole("admin", "recovery-operator")
IDEMPOTENCY = [OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, required=False)]


class UnitView(APIView):
    permission_classes = [ANYONE]

    @extend_schema(operation_id="unit_show", responses=UnitSerializer)
    def get(self, _request: Request) -> Response:
        """This unit: identity, state, owner, desk."""
        return Response(UnitSerializer(selectors.unit()).data)


class SettingsView(APIView):
    permission_classes = [HasRole("admin", "recovery-operator", reading=("auditor",))]

    @extend_schema(operation_id="settings_show", responses=SettingsSerializer)
    def get(self, _request: Request) -> Response:
        """What may be set on the unit itself."""
        return Response(SettingsSerializer(selectors.unit()).data)

    @extend_schema(operation_id="settings_change", request=SettingsSerializer, responses=SettingsSerializer)
    def put(self, request: Request) -> Response:
        """Set where the desk is."""
        given = SettingsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = set_desk(actor=actor_of(request), url=given.validated_data["desk_url"])
        return Response(SettingsSerializer(row).data)


class InstallationView(APIView):
    permission_classes = [ADMINS]

    @extend_schema(
        operation_id="unit_install",
        request=InstallationSerializer,
        responses={202: JobSerializer},
        parameters=IDEMPOTENCY,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """First installation: pin the customer that the enrolment names."""
        given = InstallationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return accepted(first_installation(actor=actor_of(request), **given.validated_data))


class AuthorityListView(APIView):
    permission_classes = [ADMINS]

    @extend_schema(
        operation_id="unit_refresh_authority_list",
        request=AuthorityListSerializer,
        responses={202: JobSerializer},
        parameters=IDEMPOTENCY,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Fetch the newest list of authority keys from the desk, or take one from a file."""
        given = AuthorityListSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = refresh_authority_list(actor=actor_of(request), text=given.validated_data["list"])
        return accepted(job)


class OutboundView(APIView):
    permission_classes = [HasRole("admin")]

    @extend_schema(operation_id="unit_confirm_outbound", request=None, responses=UnitSerializer)
    def post(self, request: Request) -> Response:
        """Let outbound work go on after a restore."""
        return Response(UnitSerializer(confirm_outbound(actor=actor_of(request))).data)


class TamperView(APIView):
    permission_classes = [HasRole("admin")]

    @extend_schema(
        operation_id="unit_declare_tampered",
        request=TamperSerializer,
        responses={202: JobSerializer},
        parameters=IDEMPOTENCY,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Destroy this unit's secrets for good. Asks for a fresh sign-in and the serial number again."""
        require_fresh(request)
        given = TamperSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        if given.validated_data["serial"] != selectors.unit().serial:
            raise Invalid(serial="not this unit's serial number")
        return accepted(declare_tampered(actor=actor_of(request), why=given.validated_data["why"]))
