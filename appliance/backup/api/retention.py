"""REST of retention: policies, protection and expiry of images, pruning."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole, actor_of
from appliance.backup import actions, selectors
from appliance.backup.api.serializers import BackupImageSerializer
from appliance.backup.models import RetentionPolicy
from appliance.backup.retention import Policy
from appliance.backup.retention.policy import MOST
from ground.refusals import Missing
from ground.rest.idempotency import idempotent
from jobs.api.accepted import accepted
from jobs.api.serializers import JobSerializer


def _count() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=MOST, default=0)


class RulesSerializer(serializers.Serializer[Any]):
    """Zero: the rule is not used. At least one must be used."""

    keep_last = _count()
    hourly = _count()
    daily = _count()
    weekly = _count()
    monthly = _count()
    yearly = _count()
    within_days = _count()
    time_zone = serializers.CharField(max_length=64, default="UTC", help_text="such as Europe/Berlin")


class RetentionSerializer(RulesSerializer):
    grace_days = serializers.IntegerField(
        min_value=0, max_value=3650, default=7, help_text="from expired to deleted"
    )
    quota_percent = serializers.IntegerField(
        min_value=1, max_value=100, default=50, help_text="of the target's images, deleted in one run at most"
    )
    changed_by = serializers.CharField(read_only=True)
    changed_at = serializers.DateTimeField(read_only=True)


class WhySerializer(serializers.Serializer[Any]):
    why = serializers.CharField(max_length=300)


class PruneSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(default=False)


class VerifyDueSerializer(serializers.Serializer[Any]):
    older_than_days = serializers.IntegerField(min_value=0, max_value=3650, default=30)
    most = serializers.IntegerField(min_value=1, max_value=50, default=5)


READERS = ("admin", "auditor")


class RetentionView(APIView):
    """What a target keeps."""

    def get_permissions(self) -> Any:
        return [HasRole(*(READERS if self.request.method == "GET" else ("admin",)))()]

    @extend_schema(responses=RetentionSerializer)
    def get(self, request: Request, target_id: str) -> Response:
        """The policy; 404 where there is none: then nothing expires."""
        found = selectors.retention_of(selectors.target(target_id))
        if found is None:
            raise Missing(target=str(target_id))
        return Response(RetentionSerializer(found).data)

    @extend_schema(request=RetentionSerializer, responses=RetentionSerializer)
    def put(self, request: Request, target_id: str) -> Response:
        """Store a policy whole; rules left out are not used."""
        target = selectors.target(target_id)
        given = RetentionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = dict(given.validated_data)
        grace, quota = data.pop("grace_days"), data.pop("quota_percent")
        row: RetentionPolicy = actions.set_retention(
            target, actor=actor_of(request), policy=Policy(**data), grace_days=grace, quota_percent=quota
        )
        return Response(RetentionSerializer(row).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, target_id: str) -> Response:
        """End the policy; nothing expires any more."""
        actions.clear_retention(selectors.target(target_id), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PruneView(APIView):
    """Prune a target."""

    def get_permissions(self) -> Any:
        return [HasRole("admin")()]

    @extend_schema(request=PruneSerializer, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, target_id: str) -> Response:
        """Mark what the policy no longer keeps and delete what was marked a grace ago. With `dry_run` nothing
        changes, and the job's result names what would be lost."""
        given = PruneSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = actions.start_prune(
            selectors.target(target_id),
            actor=actor_of(request),
            dry_run=given.validated_data["dry_run"],
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        return accepted(job)


class VerifyDueView(APIView):
    """Verify the images that most need it."""

    def get_permissions(self) -> Any:
        return [HasRole("admin")()]

    @extend_schema(request=VerifyDueSerializer, responses={202: JobSerializer(many=True)})
    @idempotent
    def post(self, request: Request, target_id: str) -> Response:
        """Never verified ones first; the jobs that were started, none if nothing is due."""
        given = VerifyDueSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        jobs = actions.start_verify_due(
            selectors.target(target_id),
            actor=actor_of(request),
            idempotency_key=request.headers.get("Idempotency-Key"),
            **given.validated_data,
        )
        return Response(JobSerializer(jobs, many=True).data, status=status.HTTP_202_ACCEPTED)


class ProtectionView(APIView):
    """Hold an image whatever the policy says."""

    def get_permissions(self) -> Any:
        return [HasRole("admin")()]

    @extend_schema(request=WhySerializer, responses=BackupImageSerializer)
    def post(self, request: Request, image_id: str) -> Response:
        """Protect it, with a reason; an expired one comes back."""
        why = WhySerializer(data=request.data)
        why.is_valid(raise_exception=True)
        image = actions.protect_image(
            selectors.image(image_id), actor=actor_of(request), why=why.validated_data["why"]
        )
        return Response(BackupImageSerializer(image).data)

    @extend_schema(responses=BackupImageSerializer)
    def delete(self, request: Request, image_id: str) -> Response:
        """End the protection."""
        image = actions.unprotect_image(selectors.image(image_id), actor=actor_of(request))
        return Response(BackupImageSerializer(image).data)


class ExpireView(APIView):
    """Mark an image for deletion."""

    def get_permissions(self) -> Any:
        return [HasRole("admin")()]

    @extend_schema(request=WhySerializer, responses=BackupImageSerializer)
    def post(self, request: Request, image_id: str) -> Response:
        """By hand; deleted by a prune after the grace, brought back by `keep` until then."""
        why = WhySerializer(data=request.data)
        why.is_valid(raise_exception=True)
        image = actions.expire_image(
            selectors.image(image_id), actor=actor_of(request), why=why.validated_data["why"]
        )
        return Response(BackupImageSerializer(image).data)


class KeepView(APIView):
    """Bring an expired image back."""

    def get_permissions(self) -> Any:
        return [HasRole("admin")()]

    @extend_schema(request=None, responses=BackupImageSerializer)
    def post(self, request: Request, image_id: str) -> Response:
        """To the state it had, while nothing of it was deleted."""
        image = actions.keep_image(selectors.image(image_id), actor=actor_of(request))
        return Response(BackupImageSerializer(image).data)


class RetireKeyView(APIView):
    """Retire a key."""

    def get_permissions(self) -> Any:
        return [HasRole("admin")()]

    @extend_schema(request=WhySerializer, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, key_id: str) -> Response:
        """Destroy a key that no image needs. The job looks at every target; the key process checks what lies
        there before it destroys anything."""
        why = WhySerializer(data=request.data)
        why.is_valid(raise_exception=True)
        job = actions.retire_key(
            actor=actor_of(request),
            key_id=key_id,
            why=why.validated_data["why"],
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        return accepted(job)
