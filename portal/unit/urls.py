from django.urls import path

from portal.unit.views import backups, images, keys, recover, restore, settings, survival, targets

app_name = "unit"

urlpatterns = [
    path("", survival.home, name="home"),
    path("survival/", survival.survival, name="survival"),
    path("images/", images.images, name="images"),
    path("images/take/", images.take_upload, name="image-take"),
    path("images/<uuid:image_id>/", images.image, name="image"),
    path("images/<uuid:image_id>/rename/", images.rename, name="image-rename"),
    path("images/<uuid:image_id>/delete/", images.delete, name="image-delete"),
    path("backups/", backups.backups, name="backups"),
    path("backups/run/", backups.run, name="backup-run"),
    path("backups/<uuid:image_id>/", backups.backup, name="backup"),
    path("backups/<uuid:image_id>/verify/", backups.verify, name="backup-verify"),
    path("targets/", targets.targets, name="targets"),
    path("targets/<uuid:target_id>/", targets.target, name="target"),
    path("targets/<uuid:target_id>/connect/", targets.connect, name="target-connect"),
    path("targets/<uuid:target_id>/remove/", targets.remove, name="target-remove"),
    path("keys/", keys.keys, name="keys"),
    path("keys/rotate/", keys.rotate, name="key-rotate"),
    path("keys/<slug:key_id>/", keys.key, name="key"),
    path("keys/<slug:key_id>/value/", keys.value, name="key-value"),
    path("keys/<slug:key_id>/value/sheet/", keys.sheet, name="key-sheet"),
    path("keys/<slug:key_id>/value/proof/", keys.prove, name="key-prove"),
    path("keys/<slug:key_id>/drill/", keys.drill, name="key-drill"),
    path("keys/<slug:key_id>/waive/", keys.waive, name="key-waive"),
    path("restore/", restore.restore, name="restore"),
    path("restore/<uuid:image_id>/", restore.preview, name="restore-preview"),
    path("restore/<uuid:image_id>/read/", restore.read, name="restore-read"),
    path("restore/<uuid:image_id>/start/", restore.start, name="restore-start"),
    path("recover/", recover.recover, name="recover"),
    path("recover/<slug:step>/", recover.step, name="recover-step"),
    path("recover/<slug:step>/<slug:act>/", recover.act, name="recover-act"),
    path("settings/", settings.settings, name="settings"),
    path("settings/authority-list/", settings.refresh_list, name="settings-authority"),
    path("settings/outbound/", settings.outbound, name="settings-outbound"),
    path("settings/tampered/", settings.tampered, name="settings-tampered"),
]
