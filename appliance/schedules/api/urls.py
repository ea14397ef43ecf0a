"""REST addresses of schedules, below ``/api/v1/``."""

from django.urls import path

from appliance.schedules.api import retention, views

_ONE = "backup-schedules/<uuid:schedule_id>"
urlpatterns = [
    path("backup-schedules", views.BackupSchedulesView.as_view(), name="backup-schedules"),
    path("backup-schedules/preview", views.PreviewView.as_view(), name="backup-schedule-preview"),
    path("retention/preview", retention.RetentionPreviewView.as_view(), name="retention-preview"),
    path(_ONE, views.BackupScheduleView.as_view(), name="backup-schedule"),
    path(f"{_ONE}/pause", views.PauseView.as_view(), name="backup-schedule-pause"),
    path(f"{_ONE}/resume", views.ResumeView.as_view(), name="backup-schedule-resume"),
    path(f"{_ONE}/occurrences", views.OccurrencesView.as_view(), name="backup-schedule-occurrences"),
]
