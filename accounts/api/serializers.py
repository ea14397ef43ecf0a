"""Shapes of accounts in REST. Fields are named one by one: nothing is taken from a body unasked."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import ApiToken, User


class UserSerializer(serializers.ModelSerializer[User]):
    roles = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = [
            "id",
            "username",
            "display_name",
            "email",
            "customer_id",
            "roles",
            "is_active",
            "created_at",
            "last_login",
        ]
        read_only_fields = fields

    def get_roles(self, user: User) -> list[str]:
        return sorted(grant.role for grant in user.grants.all())


class NewUserSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    display_name = serializers.CharField(max_length=150, required=False, default="", allow_blank=True)
    email = serializers.EmailField(required=False, default="", allow_blank=True)
    roles = serializers.ListField(child=serializers.CharField(max_length=40), max_length=10, default=list)
    customer_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    password = serializers.CharField(
        max_length=1024, required=False, allow_null=True, default=None, trim_whitespace=False
    )


class CreatedUserSerializer(UserSerializer):
    """With the password, this once, if it was made here."""

    password = serializers.CharField(read_only=True, allow_null=True)

    class Meta(UserSerializer.Meta):
        fields = [*UserSerializer.Meta.fields, "password"]
        read_only_fields = fields


class EditUserSerializer(serializers.Serializer[Any]):
    display_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)


class RoleSerializer(serializers.Serializer[Any]):
    role = serializers.CharField(max_length=40)


class PasswordSerializer(serializers.Serializer[Any]):
    old = serializers.CharField(max_length=1024, trim_whitespace=False)
    new = serializers.CharField(max_length=1024, trim_whitespace=False)


class FreshPasswordSerializer(serializers.Serializer[Any]):
    password = serializers.CharField(read_only=True)


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    user = serializers.UUIDField(source="user_id", read_only=True)
    issued_at = serializers.DateTimeField(source="created", read_only=True)
    expires_at = serializers.DateTimeField(source="expiry", read_only=True, allow_null=True)

    class Meta:
        model = ApiToken
        fields = ["id", "name", "user", "issued_by", "issued_at", "expires_at"]
        read_only_fields = fields


class SignInSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1024, trim_whitespace=False)
    name = serializers.CharField(max_length=100, required=False, default="sign-in")


class IssuedTokenSerializer(TokenSerializer):
    """With the token's text, this once."""

    token = serializers.CharField(read_only=True)

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]
        read_only_fields = fields
