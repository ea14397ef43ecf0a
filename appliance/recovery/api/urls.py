"""REST addresses of recovery, below ``/api/v1/``."""

from django.urls import path

from appliance.recovery.api import coverage, finder, objects, views

urlpatterns = [
    path("coverage", coverage.CoverageView.as_view(), name="coverage"),
    path("coverage/images", coverage.CoveredImagesView.as_view(), name="coverage-images"),
    path("finder", finder.FinderView.as_view(), name="finder"),
    path("readiness", views.ReadinessView.as_view(), name="readiness"),
    path("recovery", views.RecoveryView.as_view(), name="recovery"),
    path("transfers/current", views.CurrentTransferView.as_view(), name="transfer-current"),
    path("transfers/request", views.RequestTransferView.as_view(), name="transfer-request"),
    path("transfers/collect", views.CollectTransferView.as_view(), name="transfer-collect"),
    path("transfers/install", views.InstallTransferView.as_view(), name="transfer-install"),
    path("transfers/values", views.ValuesView.as_view(), name="transfer-values"),
    path("backup-images/<uuid:image_id>/preview", views.PreviewView.as_view(), name="backup-image-preview"),
    path("backup-images/<uuid:image_id>/objects", objects.ObjectsView.as_view(), name="backup-image-objects"),
    path(
        "backup-images/<uuid:image_id>/objects/<str:object_id>/restore",
        objects.RestoreObjectView.as_view(),
        name="backup-image-object-restore",
    ),
    path("backup-images/<uuid:image_id>/restore", views.RestoreView.as_view(), name="backup-image-restore"),
]
