"""Notices and channels as REST shows and takes them. Explicit fields only; a secret is never among them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from appliance.notices.models import CHOOSABLE, Notice, NoticeChannel, NoticeDelivery

EVENTS = [str(event) for event in CHOOSABLE]
SETTINGS_HELP = '{"to": ["ada@example.org"]} of mail, {"url": "https://…"} of a webhook'


class NoticeChannelSerializer(serializers.ModelSerializer[NoticeChannel]):
    settings = serializers.DictField(read_only=True)
    events = serializers.ListField(child=serializers.CharField(), read_only=True)
    has_secret = serializers.BooleanField(read_only=True)
    problem = serializers.DictField(read_only=True, allow_null=True)

    class Meta:
        model = NoticeChannel
        fields = (
            "id",
            "name",
            "kind",
            "settings",
            "events",
            "allow_private",
            "enabled",
            "has_secret",
            "secret_made_at",
            "last_sent_at",
            "problem",
            "created_at",
        )
        read_only_fields = fields


class NewNoticeChannelSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(choices=NoticeChannel.Kind.choices)
    settings = serializers.DictField(help_text=SETTINGS_HELP)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=EVENTS), default=lambda: list(EVENTS)
    )
    allow_private = serializers.BooleanField(
        default=False, help_text="let the webhook go to private addresses, or to this machine"
    )


class NoticeChannelChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, required=False)
    settings = serializers.DictField(required=False, help_text=SETTINGS_HELP)
    events = serializers.ListField(child=serializers.ChoiceField(choices=EVENTS), required=False)
    allow_private = serializers.BooleanField(required=False)
    enabled = serializers.BooleanField(required=False)


class AddedNoticeChannelSerializer(serializers.Serializer[Any]):
    channel = NoticeChannelSerializer()
    secret = serializers.CharField(help_text="of a webhook; shown this once")


class ChannelSecretSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="shown this once")


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    facts = serializers.DictField(read_only=True)
    is_read = serializers.BooleanField(read_only=True, help_text="by the person who asks")

    class Meta:
        model = Notice
        fields = (
            "id",
            "event",
            "about",
            "subject",
            "consequence",
            "next_step",
            "facts",
            "count",
            "raised_at",
            "last_at",
            "resolved_at",
            "is_read",
        )
        read_only_fields = fields


class NoticeDeliverySerializer(serializers.ModelSerializer[NoticeDelivery]):
    notice = serializers.UUIDField(source="notice_id", read_only=True)
    channel = serializers.UUIDField(source="channel_id", read_only=True)
    channel_name = serializers.CharField(source="channel.name", read_only=True)
    state = serializers.CharField(read_only=True, help_text="waiting, sending, sent or given_up")
    problem = serializers.DictField(read_only=True, allow_null=True)

    class Meta:
        model = NoticeDelivery
        fields = (
            *("id", "notice", "channel", "channel_name", "state", "attempts"),
            *("due_at", "sent_at", "problem", "created_at"),
        )
        read_only_fields = fields


class NoticesMarkedSerializer(serializers.Serializer[Any]):
    marked = serializers.IntegerField(help_text="how many were new")
