"""The frame's fragments: task tray, finder."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from jobs.selectors import jobs_for
from portal.shell import site
from portal.shell.context import Shell
from portal.shell.request import PageRequest

HITS = 12
TRAY_JOBS = 8


@require_safe
@never_cache
@login_required
def tray(request: PageRequest) -> HttpResponse:
    """The newest jobs, running ones first."""
    running = Shell(request).running
    shown = {job.pk for job in running}
    recent = [
        job for job in jobs_for(request.user).order_by("-created_at")[:TRAY_JOBS] if job.pk not in shown
    ]
    return render(request, "shell/tray.html", {"jobs": [*running, *recent][: max(TRAY_JOBS, len(running))]})


@require_safe
@never_cache
@login_required
def tray_label(request: PageRequest) -> HttpResponse:
    return render(request, "shell/tray_label.html")


@require_safe
@never_cache
@login_required
def find(request: PageRequest) -> HttpResponse:
    """Pages by name, then the side's own things by serial, name or id."""
    text = request.GET.get("q", "").strip()[:2000]
    frame = Shell(request)
    low = text.casefold()
    hits = [
        site.Hit(entry["item"].label, reverse(entry["item"].url_name), entry["item"].icon, group["label"])
        for group in frame.groups
        for entry in group["items"]
        if low in f"{entry['item'].label} {entry['item'].words} {group['label']}".casefold()
    ]
    if text:
        hits = [*site.current().find(request, text), *hits]
    return render(request, "shell/finder_hits.html", {"hits": hits[:HITS]})
