"""REST addresses of uploads, below ``/api/v1/``. Only GET comes here: see `content.tus`."""

from django.urls import path

from appliance.content.api import views

urlpatterns = [
    path("uploads", views.UploadsView.as_view(), name="uploads"),
    path("uploads/<uuid:upload_id>", views.UploadView.as_view(), name="upload"),
]
