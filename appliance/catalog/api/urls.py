"""REST addresses of the catalogue, below ``/api/v1/``."""

from django.urls import path

from appliance.catalog.api import views

urlpatterns = [
    path("virtual-images", views.VirtualImagesView.as_view(), name="virtual-images"),
    path("virtual-images/<uuid:image_id>", views.VirtualImageView.as_view(), name="virtual-image"),
    path("virtual-images/<uuid:image_id>/seal", views.SealView.as_view(), name="virtual-image-seal"),
]
