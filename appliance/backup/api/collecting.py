"""REST of collecting: the unit's content store, and what packs on targets are there for."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole, actor_of
from appliance.backup import actions, selectors
from appliance.backup.models import BackupTarget, TargetUse
from appliance.content import collection
from appliance.content import selectors as content
from appliance.content.actions.start_collection import start_collection
from appliance.content.hooks import holds
from appliance.content.models import StoreLook
from ground.rest.idempotency import idempotent
from jobs.api.accepted import accepted
from jobs.api.serializers import JobSerializer

READERS = ("admin", "auditor")


class StoreLookSerializer(serializers.ModelSerializer[StoreLook]):
    class Meta:
        model = StoreLook
        fields = (
            *("job_id", "dry_run", "looked_at", "packs", "stored_bytes", "live_bytes", "dead_bytes"),
            *("leaving_packs", "leaving_bytes", "repackable_packs", "repackable_bytes"),
            *("removed_packs", "removed_bytes", "emptied_packs", "emptied_bytes", "written_bytes"),
        )
        read_only_fields = fields


class TargetUseSerializer(serializers.ModelSerializer[TargetUse]):
    class Meta:
        model = TargetUse
        fields = (
            *("looked_at", "images", "stored_bytes", "needed_bytes", "dead_bytes", "older_bytes"),
            *("loose_bytes", "problem"),
        )
        read_only_fields = fields


class UsedTargetSerializer(serializers.ModelSerializer[BackupTarget]):
    use = TargetUseSerializer(read_only=True, allow_null=True, default=None)
    lets_go = serializers.BooleanField(help_text="older packs go some day, by a retention policy")

    class Meta:
        model = BackupTarget
        fields = ("id", "name", "lets_go", "use")
        read_only_fields = fields


class ContentStoreSerializer(serializers.Serializer[Any]):
    look = StoreLookSerializer(allow_null=True, help_text="the newest look, by a collection or a dry run")
    last_collection = StoreLookSerializer(allow_null=True)
    holds = serializers.ListField(child=serializers.CharField(), help_text="why no pack is removed now")
    targets = UsedTargetSerializer(many=True)


class StoreCollectSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(default=False)
    grace_days = serializers.IntegerField(
        default=collection.GRACE_DAYS,
        min_value=collection.LEAST_GRACE_DAYS,
        max_value=collection.MOST_GRACE_DAYS,
        help_text="how long a pack was dead before it goes",
    )
    repack = serializers.ChoiceField(
        choices=("auto", "always", "never"),
        default="auto",
        help_text="auto: where every target lets older packs go",
    )
    rewrite_mib = serializers.IntegerField(
        default=collection.REWRITE_MIB,
        min_value=1,
        max_value=collection.MOST_REWRITE_MIB,
        help_text="sealed anew in one run at most; every target is sent so much by its next backup",
    )


class ContentStoreView(APIView):
    """What lies in the unit's content store and on its targets, and how much of it is needed."""

    def get_permissions(self) -> Any:
        return [HasRole(*READERS)()]

    @extend_schema(responses=ContentStoreSerializer)
    def get(self, request: Request) -> Response:
        """As last looked at; a dry run of a collection, and `use` of a target, look anew."""
        found = {
            "look": content.newest_look(),
            "last_collection": content.last_collection(),
            "holds": holds(),
            "targets": selectors.uses(),
        }
        return Response(ContentStoreSerializer(found).data)


class StoreCollectView(APIView):
    """Collect in the content store."""

    def get_permissions(self) -> Any:
        return [HasRole("admin")()]

    @extend_schema(request=StoreCollectSerializer, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Remove packs that nothing has needed for a grace, and seal anew what is left of mostly dead ones.
        With `dry_run` nothing changes, and the job's result says what would be freed."""
        given = StoreCollectSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = start_collection(
            collection.Plan(**given.validated_data),
            actor=actor_of(request),
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        return accepted(job)


class TargetUseView(APIView):
    """What the packs on a target are there for."""

    def get_permissions(self) -> Any:
        return [HasRole("admin")()]

    @extend_schema(request=None, responses={202: JobSerializer})
    @idempotent
    def post(self, request: Request, target_id: str) -> Response:
        """Look anew: lists and sizes are read, nothing on the target changes."""
        job = actions.start_use(
            selectors.target(target_id),
            actor=actor_of(request),
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        return accepted(job)
