"""REST addresses of accounts, below ``/api/v1/``."""

from django.urls import path

from accounts.api import schema as schema  # registers how sign-in is described
from accounts.api import views

urlpatterns = [
    path("me", views.MeView.as_view(), name="me"),
    path("me/password", views.MyPasswordView.as_view(), name="me-password"),
    path("users", views.UsersView.as_view(), name="users"),
    path("users/<uuid:user_id>", views.UserView.as_view(), name="user"),
    path("users/<uuid:user_id>/deactivate", views.DeactivateView.as_view(), name="user-deactivate"),
    path("users/<uuid:user_id>/activate", views.ActivateView.as_view(), name="user-activate"),
    path("users/<uuid:user_id>/password", views.SetPasswordView.as_view(), name="user-password"),
    path("users/<uuid:user_id>/roles", views.RolesView.as_view(), name="user-roles"),
    path("users/<uuid:user_id>/roles/<slug:role>", views.RoleView.as_view(), name="user-role"),
    path("tokens", views.TokensView.as_view(), name="tokens"),
    path("tokens/current", views.CurrentTokenView.as_view(), name="token-current"),
    path("tokens/<uuid:token_id>", views.TokenView.as_view(), name="token"),
]
