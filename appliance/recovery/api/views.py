"""REST of the way back."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole, actor_of
from appliance.backup import selectors as backups
from appliance.recovery import actions, selectors
from appliance.recovery.api.serializers import (
    ClearPreviewSerializer,
    CollectSerializer,
    FoundValuesSerializer,
    InstallSerializer,
    ReadinessSerializer,
    RecoverySerializer,
    StartRestoreSerializer,
    TransferCaseSerializer,
)
from ground.refusals import Missing
from ground.rest.idempotency import idempotent
from jobs.api.accepted import accepted
from jobs.api.serializers import JobSerializer

READERS = ("admin", "auditor", "recovery-operator")
RECOVERERS = ("admin", "recovery-operator")


class _Read(APIView):
    def get_permissions(self) -> Any:
        return [HasRole(*READERS)()]


class _Act(APIView):
    def get_permissions(self) -> Any:
        return [HasRole(*RECOVERERS)()]


class ReadinessView(_Read):
    """Can this unit be lost today?"""

    @extend_schema(responses=ReadinessSerializer)
    def get(self, request: Request) -> Response:
        return Response(ReadinessSerializer(selectors.readiness()).data)


class RecoveryView(_Read):
    """Where the way back stands: transfer, restore, report."""

    @extend_schema(responses=RecoverySerializer)
    def get(self, request: Request) -> Response:
        standing = {
            "transfer": selectors.transfer_case(),
            "restore": selectors.current_restore(),
            "report": selectors.recovery_report(),
            "outbound_paused": selectors.outbound_paused(),
        }
        return Response(RecoverySerializer(standing).data)


class CurrentTransferView(_Read):
    """The newest transfer request of this unit; its text can be carried to the desk as a file."""

    @extend_schema(responses=TransferCaseSerializer)
    def get(self, request: Request) -> Response:
        case = selectors.transfer_case()
        if case is None:
            raise Missing(transfer="none was requested")
        return Response(TransferCaseSerializer(case).data)


class RequestTransferView(_Act):
    """Ask the desk for the keys of a lost unit."""

    @extend_schema(request=None, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        key = request.headers.get("Idempotency-Key")
        return accepted(actions.request_transfer(actor=actor_of(request), idempotency_key=key))


class CollectTransferView(_Act):
    """Fetch the transfer from the desk with its one-time code, and install it."""

    @extend_schema(request=CollectSerializer, responses={202: JobSerializer})
    def post(self, request: Request) -> Response:
        given = CollectSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return accepted(actions.collect_transfer(actor=actor_of(request), code=given.validated_data["code"]))


class InstallTransferView(_Act):
    """Install a transfer that came as a file."""

    @extend_schema(request=InstallSerializer, responses={202: JobSerializer})
    def post(self, request: Request) -> Response:
        given = InstallSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        document = given.validated_data["transfer"]
        return accepted(actions.load_transfer_file(actor=actor_of(request), document=document))


class ValuesView(_Read):
    """The escrow values gathered from the headers on the targets: what a person hands to the desk."""

    @extend_schema(responses=FoundValuesSerializer)
    def get(self, request: Request) -> Response:
        gathered = {"values": backups.values_on_targets(), "sheet": selectors.value_sheet()}
        return Response(FoundValuesSerializer(gathered).data)


class PreviewView(APIView):
    """What a restore would bring back."""

    def get_permissions(self) -> Any:
        return [HasRole(*(READERS if self.request.method == "GET" else RECOVERERS))()]

    @extend_schema(responses=ClearPreviewSerializer)
    def get(self, request: Request, image_id: str) -> Response:
        """From the clear, signed header: for anyone who may read."""
        return Response(ClearPreviewSerializer(selectors.clear_preview(backups.image(image_id))).data)

    @extend_schema(request=None, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, image_id: str) -> Response:
        """From the sealed manifest, on a unit that holds the key; the answer is the job's result."""
        return accepted(actions.start_preview(backups.image(image_id), actor=actor_of(request)))


class RestoreView(_Act):
    """Restore an image onto this unit."""

    @extend_schema(request=StartRestoreSerializer, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, image_id: str) -> Response:
        given = StartRestoreSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = actions.start_restore(
            backups.image(image_id),
            actor=actor_of(request),
            accept_rolled_back=given.validated_data["accept_rolled_back"],
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        return accepted(job)
