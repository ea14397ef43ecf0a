"""REST addresses of targets and backup images, below ``/api/v1/``."""

from django.urls import path

from appliance.backup.api import carried, collecting, retention, views

urlpatterns = [
    path("backup-targets", views.BackupTargetsView.as_view(), name="backup-targets"),
    path("backup-targets/<uuid:target_id>", views.BackupTargetView.as_view(), name="backup-target"),
    path(
        "backup-targets/<uuid:target_id>/connect", views.ConnectView.as_view(), name="backup-target-connect"
    ),
    path("backup-targets/<uuid:target_id>/copy", views.CopyView.as_view(), name="backup-target-copy"),
    path(
        "backup-targets/<uuid:target_id>/retention",
        retention.RetentionView.as_view(),
        name="backup-target-retention",
    ),
    path("backup-targets/<uuid:target_id>/prune", retention.PruneView.as_view(), name="backup-target-prune"),
    path(
        "backup-targets/<uuid:target_id>/verify-due",
        retention.VerifyDueView.as_view(),
        name="backup-target-verify-due",
    ),
    path("backup-targets/<uuid:target_id>/use", collecting.TargetUseView.as_view(), name="backup-target-use"),
    path("content-store", collecting.ContentStoreView.as_view(), name="content-store"),
    path("content-store/collect", collecting.StoreCollectView.as_view(), name="content-store-collect"),
    path("keys/<key_id:key_id>/retire", retention.RetireKeyView.as_view(), name="key-retire"),
    path("backup-images", views.BackupImagesView.as_view(), name="backup-images"),
    path("backup-images/<uuid:image_id>", views.BackupImageView.as_view(), name="backup-image"),
    path("backup-images/<uuid:image_id>/header", views.HeaderView.as_view(), name="backup-image-header"),
    path("backup-images/<uuid:image_id>/verify", views.VerifyView.as_view(), name="backup-image-verify"),
    path(
        "backup-images/<uuid:image_id>/protection",
        retention.ProtectionView.as_view(),
        name="backup-image-protection",
    ),
    path("backup-images/<uuid:image_id>/expire", retention.ExpireView.as_view(), name="backup-image-expire"),
    path("backup-images/<uuid:image_id>/keep", retention.KeepView.as_view(), name="backup-image-keep"),
    path("carried-images", carried.CarriedFilesView.as_view(), name="carried-images"),
    path("carried-images/<str:name>", carried.CarriedFileView.as_view(), name="carried-image"),
    path("backup-images/<uuid:image_id>/export", carried.ExportView.as_view(), name="backup-image-export"),
    path("backup-targets/<uuid:target_id>/import", carried.ImportView.as_view(), name="backup-target-import"),
]
