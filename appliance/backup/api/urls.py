"""REST addresses of targets and backup images, below ``/api/v1/``."""

from django.urls import path

from appliance.backup.api import views

urlpatterns = [
    path("backup-targets", views.BackupTargetsView.as_view(), name="backup-targets"),
    path("backup-targets/<uuid:target_id>", views.BackupTargetView.as_view(), name="backup-target"),
    path(
        "backup-targets/<uuid:target_id>/connect", views.ConnectView.as_view(), name="backup-target-connect"
    ),
    path("backup-images", views.BackupImagesView.as_view(), name="backup-images"),
    path("backup-images/<uuid:image_id>", views.BackupImageView.as_view(), name="backup-image"),
    path("backup-images/<uuid:image_id>/header", views.HeaderView.as_view(), name="backup-image-header"),
    path("backup-images/<uuid:image_id>/verify", views.VerifyView.as_view(), name="backup-image-verify"),
]
