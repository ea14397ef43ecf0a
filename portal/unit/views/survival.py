"""The first page: can this unit be lost today?"""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.permissions import role_required
from appliance.backup.selectors import images
from appliance.recovery.selectors import readiness
from appliance.unit.selectors import unit_or_none
from jobs.selectors import running_jobs_for
from portal.shell.views.people import account
from portal.unit.side import CONTENT, READERS, RECOVERERS, RECOVERY_STATES

ANSWERS = {
    "yes": ("ok", "shield-check", "Yes. If this unit is lost now, its content comes back."),
    "unsure": ("warn", "shield-half", "Probably, but one link of the chain is weak."),
    "no": ("bad", "shield-x", "No. If this unit is lost now, content is lost with it."),
}
# Where each link of the chain is looked after, and the icon it goes by.
PLACES = {
    "image": ("unit:backups", "archive"),
    "backup": ("unit:backups", "archive"),
    "epoch": ("unit:keys", "key"),
    "key": ("unit:keys", "key"),
    "value": ("unit:keys", "file-text"),
    "drill": ("unit:keys", "test-pipe"),
    "authority": ("unit:settings", "certificate"),
    "authority-key": ("unit:settings", "certificate"),
    "desk": ("unit:settings", "building"),
    "target": ("unit:targets", "database"),
}


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Where a person lands after sign-in: the way back while the unit is on it, else what they may see."""
    unit = unit_or_none()
    if unit is not None and unit.state in RECOVERY_STATES and request.user.has_role(*RECOVERERS):
        return redirect("unit:recover")
    if request.user.has_role(*READERS):
        return redirect("unit:survival")
    if request.user.has_role(*CONTENT):
        return redirect("unit:images")
    return account(request)


@require_safe
@never_cache
@role_required(*READERS)
def survival(request: HttpRequest) -> HttpResponse:
    found = readiness()
    tone, icon, words = ANSWERS[found.answer]
    links = []
    for link in found.links:
        place, link_icon = PLACES.get(link.name, ("unit:survival", "link"))
        links.append(
            {
                "link": link,
                "tone": {"green": "ok", "amber": "warn", "red": "bad"}.get(link.state, "idle"),
                "icon": link_icon,
                "url": reverse(place),
            }
        )
    broken = [entry for entry in links if entry["tone"] == "bad"] or [e for e in links if e["tone"] == "warn"]
    return render(
        request,
        "unit/survival.html",
        {
            "readiness": found,
            "tone": tone,
            "icon_name": icon,
            "answer": words,
            "links": links,
            "first": broken[0] if broken else None,
            "newest": images().exclude(made_at=None).order_by("-made_at").first(),
            "busy": running_jobs_for(request.user).exists(),
            "may_act": request.user.has_role("admin"),
        },
    )
