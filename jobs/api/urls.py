"""REST addresses of jobs, below ``/api/v1/``."""

from django.urls import path

from jobs.api import views
from jobs.api.stream import stream

urlpatterns = [
    path("jobs", views.JobsView.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>", views.JobView.as_view(), name="job"),
    path("jobs/<uuid:job_id>/lines", views.JobLinesView.as_view(), name="job-lines"),
    path("jobs/<uuid:job_id>/cancel", views.CancelView.as_view(), name="job-cancel"),
    path("jobs/<uuid:job_id>/retry", views.RetryView.as_view(), name="job-retry"),
    path("stream", stream, name="stream"),
]
