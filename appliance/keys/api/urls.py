"""REST of the keys room."""

from __future__ import annotations

from django.urls import path, register_converter

from . import views


class KeyIdConverter:
    """16 bytes in lower-case hex."""

    regex = "[0-9a-f]{32}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(KeyIdConverter, "key_id")

urlpatterns = [
    path("keys", views.KeyListView.as_view(), name="keys"),
    path("keys/rotate", views.RotateView.as_view(), name="keys-rotate"),
    path("keys/<key_id:key_id>", views.KeyView.as_view(), name="key"),
    path("keys/<key_id:key_id>/value", views.ValueView.as_view(), name="key-value"),
    path("keys/<key_id:key_id>/value/sheet", views.SheetView.as_view(), name="key-value-sheet"),
    path("keys/<key_id:key_id>/value/sheet.pdf", views.SheetPdfView.as_view(), name="key-value-sheet-pdf"),
    path("keys/<key_id:key_id>/held", views.HeldView.as_view(), name="key-held"),
    path("keys/<key_id:key_id>/drill", views.DrillView.as_view(), name="key-drill"),
    path("keys/<key_id:key_id>/waiver", views.WaiverView.as_view(), name="key-waiver"),
]
