"""REST over notices and their channels. Permissions by role; every change is an action."""

from __future__ import annotations

from typing import Any

import django_filters
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasRole, actor_of, require_fresh
from appliance.notices import actions, selectors
from appliance.notices.api.serializers import (
    AddedNoticeChannelSerializer,
    ChannelSecretSerializer,
    NewNoticeChannelSerializer,
    NoticeChannelChangeSerializer,
    NoticeChannelSerializer,
    NoticeDeliverySerializer,
    NoticeSerializer,
    NoticesMarkedSerializer,
)
from appliance.notices.models import Notice, NoticeChannel, NoticeDelivery
from ground.rest.etags import require_match, with_etag
from ground.rest.idempotency import idempotent

ADMINS = HasRole("admin", reading=("auditor",))
READERS = HasRole("admin", "auditor", "recovery-operator")


class NoticeChannelsView(ListAPIView[NoticeChannel]):
    """Ways to tell people."""

    permission_classes = [ADMINS]
    serializer_class = NoticeChannelSerializer
    filterset_fields = ["kind", "enabled"]
    queryset = NoticeChannel.objects.none()

    def get_queryset(self) -> Any:
        return selectors.channels()

    @extend_schema(request=NewNoticeChannelSerializer, responses={201: AddedNoticeChannelSerializer})
    def post(self, request: Request) -> Response:
        """Add a channel. The answer holds a webhook's secret, which is never shown again: so it is not kept
        for an Idempotency-Key either, and a name that is taken is refused."""
        given = NewNoticeChannelSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        channel, secret = actions.add_channel(actor=actor_of(request), **given.validated_data)
        headers = {"Location": reverse("notice-channel", kwargs={"channel_id": channel.pk})}
        body = AddedNoticeChannelSerializer({"channel": channel, "secret": secret}).data
        return Response(body, status=status.HTTP_201_CREATED, headers=headers)


class NoticeChannelView(APIView):
    """One channel."""

    permission_classes = [ADMINS]

    @extend_schema(responses=NoticeChannelSerializer)
    def get(self, request: Request, channel_id: str) -> Response:
        """The channel, and the last problem with it."""
        return with_etag(Response(NoticeChannelSerializer(selectors.channel(channel_id)).data))

    @extend_schema(request=NoticeChannelChangeSerializer, responses=NoticeChannelSerializer)
    def patch(self, request: Request, channel_id: str) -> Response:
        """Change it; If-Match names the version that was read."""
        channel = selectors.channel(channel_id)
        require_match(request, NoticeChannelSerializer(channel).data)
        given = NoticeChannelChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        actions.edit_channel(channel, actor=actor_of(request), **given.validated_data)
        return with_etag(Response(NoticeChannelSerializer(channel).data))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, channel_id: str) -> Response:
        """Remove it; what waits for it is not sent any more."""
        actions.remove_channel(selectors.channel(channel_id), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TestView(APIView):
    """Try a channel."""

    permission_classes = [HasRole("admin")]

    @extend_schema(request=None, responses={202: NoticeDeliverySerializer})
    @idempotent
    def post(self, request: Request, channel_id: str) -> Response:
        """Send a test notice; the delivery tells what came of it."""
        delivery = actions.send_test(selectors.channel(channel_id), actor=actor_of(request))
        return Response(NoticeDeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)


class SecretView(APIView):
    """The secret of a webhook."""

    permission_classes = [HasRole("admin")]

    @extend_schema(request=None, responses=ChannelSecretSerializer)
    def post(self, request: Request, channel_id: str) -> Response:
        """Make a new one, shown this once; asks for a fresh sign-in."""
        require_fresh(request)
        secret = actions.renew_secret(selectors.channel(channel_id), actor=actor_of(request))
        return Response(ChannelSecretSerializer({"secret": secret}).data)


class NoticeFilter(django_filters.FilterSet):
    """`unread` is the bell's list."""

    unread = django_filters.BooleanFilter(method="only_unread", label="not read by the person who asks")
    open = django_filters.BooleanFilter(field_name="resolved_at", lookup_expr="isnull", label="not over yet")

    class Meta:
        model = Notice
        fields = ["event"]

    def only_unread(self, rows: Any, name: str, value: bool) -> Any:
        return rows.filter(is_read=not value)


class NoticesView(ListAPIView[Notice]):
    """Notices, newest first."""

    permission_classes = [READERS]
    serializer_class = NoticeSerializer
    filterset_class = NoticeFilter
    queryset = Notice.objects.none()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return selectors.notices_for(self.request.user)


class NoticeView(APIView):
    """One notice."""

    permission_classes = [READERS]

    @extend_schema(responses=NoticeSerializer)
    def get(self, request: Request, notice_id: str) -> Response:
        """The notice, and whether the person who asks has read it."""
        notice = selectors.notice(notice_id)
        return Response(NoticeSerializer(selectors.notices_for(request.user).get(pk=notice.pk)).data)


class ReadView(APIView):
    """Mark one as read."""

    permission_classes = [READERS]

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, notice_id: str) -> Response:
        """By the person who asks."""
        actions.mark_read(selectors.notice(notice_id), user=_person(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReadAllView(APIView):
    """Mark all as read."""

    permission_classes = [READERS]

    @extend_schema(operation_id="notices_read_all", request=None, responses=NoticesMarkedSerializer)
    def post(self, request: Request) -> Response:
        """By the person who asks."""
        return Response(
            NoticesMarkedSerializer({"marked": actions.mark_all_read(user=_person(request))}).data
        )


class DeliveriesView(ListAPIView[NoticeDelivery]):
    """On which channels a notice went out."""

    permission_classes = [READERS]
    serializer_class = NoticeDeliverySerializer
    filterset_fields = ["state", "channel"]
    queryset = NoticeDelivery.objects.none()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return selectors.deliveries(selectors.notice(self.kwargs["notice_id"]))


def _person(request: Request) -> Any:
    return request.user
