"""REST of accounts: `me`, `users`, `tokens`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import actions, selectors
from accounts.api import serializers as shapes
from accounts.models import ApiToken, User
from accounts.permissions import actor_of, require_fresh, user_of
from accounts.roles import administrators
from accounts.sign_in import check_credentials
from audit.actor import Actor
from ground.refusals import Missing
from ground.rest.etags import require_match, with_etag
from ground.rest.idempotency import idempotent
from ground.rest.pagination import CursorPagination
from ground.rest.permissions import RolePermission


class Administrators(RolePermission):
    """The roles that look after people differ by side: they are asked for at each request."""

    def any_of(self) -> tuple[str, ...]:
        return administrators()


class AdministratorsAndAuditors(Administrators):
    """Auditors read what administrators change."""

    def reading(self) -> tuple[str, ...]:
        return ("auditor",)


class MeView(APIView):
    """Who is asking."""

    @extend_schema(responses=shapes.UserSerializer)
    def get(self, request: Request) -> Response:
        return Response(shapes.UserSerializer(user_of(request)).data)


class MyPasswordView(APIView):
    """Change one's own password; ends all sessions and tokens."""

    @extend_schema(request=shapes.PasswordSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        asked = shapes.PasswordSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        actions.change_password(
            actor=actor_of(request),
            user=user_of(request),
            old=asked.validated_data["old"],
            new=asked.validated_data["new"],
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class UsersView(ListAPIView[User]):
    """Accounts of this site."""

    serializer_class = shapes.UserSerializer
    permission_classes = [AdministratorsAndAuditors]
    queryset = User.objects.none()
    filterset_fields = ["username", "is_active", "customer_id"]

    def get_queryset(self) -> Any:
        return selectors.users_for(user_of(self.request))

    @extend_schema(request=shapes.NewUserSerializer, responses={201: shapes.CreatedUserSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        asked = shapes.NewUserSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user, password = actions.create_user(actor=actor_of(request), **asked.validated_data)
        made_here = asked.validated_data["password"] is None
        body = {**shapes.UserSerializer(user).data, "password": password if made_here else None}
        return Response(body, status=status.HTTP_201_CREATED)


class UserView(APIView):
    """One account."""

    permission_classes = [AdministratorsAndAuditors]

    @extend_schema(responses=shapes.UserSerializer)
    def get(self, request: Request, user_id: str) -> Response:
        return with_etag(Response(shapes.UserSerializer(selectors.user_for(user_of(request), user_id)).data))

    @extend_schema(request=shapes.EditUserSerializer, responses=shapes.UserSerializer)
    def patch(self, request: Request, user_id: str) -> Response:
        user = selectors.user_for(user_of(request), user_id)
        require_match(request, shapes.UserSerializer(user).data)
        asked = shapes.EditUserSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user = actions.edit_user(actor=actor_of(request), user=user, **asked.validated_data)
        return with_etag(Response(shapes.UserSerializer(user).data))


class _UserAct(APIView):
    permission_classes = [Administrators]

    def subject(self, user_id: str) -> User:
        return selectors.user_for(user_of(self.request), user_id)


class DeactivateView(_UserAct):
    """Close an account: sessions and tokens end at once."""

    @extend_schema(request=None, responses=shapes.UserSerializer)
    def post(self, request: Request, user_id: str) -> Response:
        user = self.subject(user_id)
        actions.deactivate_user(actor=actor_of(request), user=user)
        return Response(shapes.UserSerializer(user).data)


class ActivateView(_UserAct):
    """Open a closed account again."""

    @extend_schema(request=None, responses=shapes.UserSerializer)
    def post(self, request: Request, user_id: str) -> Response:
        user = self.subject(user_id)
        actions.activate_user(actor=actor_of(request), user=user)
        return Response(shapes.UserSerializer(user).data)


class RolesView(_UserAct):
    """Give a role; asks for a fresh sign-in."""

    @extend_schema(request=shapes.RoleSerializer, responses=shapes.UserSerializer)
    def post(self, request: Request, user_id: str) -> Response:
        require_fresh(request)
        asked = shapes.RoleSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user = self.subject(user_id)
        actions.grant_role(actor=actor_of(request), user=user, role=asked.validated_data["role"])
        return Response(shapes.UserSerializer(user).data)


class RoleView(_UserAct):
    """Take a role away; asks for a fresh sign-in."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, user_id: str, role: str) -> Response:
        require_fresh(request)
        actions.revoke_role(actor=actor_of(request), user=self.subject(user_id), role=role)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SetPasswordView(_UserAct):
    """A fresh password for someone, told once; asks for a fresh sign-in."""

    @extend_schema(request=None, responses=shapes.FreshPasswordSerializer)
    def post(self, request: Request, user_id: str) -> Response:
        require_fresh(request)
        password = actions.set_password(actor=actor_of(request), user=self.subject(user_id))
        return Response({"password": password})


class _NewestTokenFirst(CursorPagination):
    ordering = "-created"


class TokensView(ListAPIView[ApiToken]):
    """Tokens of programs. POST signs in: name and password for a token, told once."""

    serializer_class = shapes.TokenSerializer
    pagination_class = _NewestTokenFirst
    queryset = ApiToken.objects.none()

    def get_permissions(self) -> Any:
        return [AllowAny()] if self.request.method == "POST" else super().get_permissions()

    def get_authenticators(self) -> Any:
        # Signing in asks for no earlier sign-in, and a stale session must not get in its way.
        signing_in = self.request is not None and self.request.method == "POST"
        return [] if signing_in else super().get_authenticators()

    def get_queryset(self) -> Any:
        return selectors.tokens_for(user_of(self.request))

    @extend_schema(request=shapes.SignInSerializer, responses={201: shapes.IssuedTokenSerializer}, auth=[])
    def post(self, request: Request) -> Response:
        asked = shapes.SignInSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user = check_credentials(
            request._request,
            username=asked.validated_data["username"],
            password=asked.validated_data["password"],
        )
        token, text = actions.issue_token(
            actor=Actor.user(user), user=user, name=asked.validated_data["name"]
        )
        body = {**shapes.TokenSerializer(token).data, "token": text}
        return Response(body, status=status.HTTP_201_CREATED)


class TokenView(APIView):
    """End a token."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, token_id: str) -> Response:
        token = selectors.token_for(user_of(request), token_id)
        actions.revoke_token(actor=actor_of(request), token=token)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CurrentTokenView(APIView):
    """End the token this request came with: sign out."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        if not isinstance(request.auth, ApiToken):
            raise Missing(what="the token this request came with")
        actions.revoke_token(actor=actor_of(request), token=request.auth)
        return Response(status=status.HTTP_204_NO_CONTENT)
