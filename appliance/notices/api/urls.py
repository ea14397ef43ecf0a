"""REST addresses of notices and channels, below ``/api/v1/``."""

from django.urls import path

from appliance.notices.api import views

_CHANNEL = "notice-channels/<uuid:channel_id>"
urlpatterns = [
    path("notice-channels", views.NoticeChannelsView.as_view(), name="notice-channels"),
    path(_CHANNEL, views.NoticeChannelView.as_view(), name="notice-channel"),
    path(f"{_CHANNEL}/test", views.TestView.as_view(), name="notice-channel-test"),
    path(f"{_CHANNEL}/secret", views.SecretView.as_view(), name="notice-channel-secret"),
    path("notices", views.NoticesView.as_view(), name="notices"),
    path("notices/read", views.ReadAllView.as_view(), name="notices-read"),
    path("notices/<uuid:notice_id>", views.NoticeView.as_view(), name="notice"),
    path("notices/<uuid:notice_id>/read", views.ReadView.as_view(), name="notice-read"),
    path("notices/<uuid:notice_id>/deliveries", views.DeliveriesView.as_view(), name="notice-deliveries"),
]
