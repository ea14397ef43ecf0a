"""REST of the unit room."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("unit", views.UnitView.as_view(), name="unit"),
    path("unit/installation", views.InstallationView.as_view(), name="unit-installation"),
    path("unit/authority-list", views.AuthorityListView.as_view(), name="unit-authority-list"),
    path("unit/outbound", views.OutboundView.as_view(), name="unit-outbound"),
    path("unit/tamper", views.TamperView.as_view(), name="unit-tamper"),
    path("settings", views.SettingsView.as_view(), name="settings"),
]
