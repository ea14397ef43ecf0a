"""REST addresses of the event log, below ``/api/v1/``."""

from django.urls import path

from audit.api import views

urlpatterns = [
    path("events", views.EventsView.as_view(), name="events"),
    path("events/head", views.HeadView.as_view(), name="events-head"),
    path("events/verify", views.VerifyView.as_view(), name="events-verify"),
    path("events/export", views.ExportView.as_view(), name="events-export"),
]
