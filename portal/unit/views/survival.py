"""The first page: can this unit be lost today?"""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.permissions import role_required
from appliance.backup.selectors import images
from appliance.keys.selectors import active_epoch
from appliance.recovery.selectors import Link, readiness
from appliance.unit.selectors import unit_or_none
from portal.shell.request import PageRequest
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
    "key": ("unit:backups", "shield-check"),
    "epoch": ("unit:keys", "key"),
    "value": ("unit:keys", "file-text"),
    "drill": ("unit:keys", "test-pipe"),
    "authority-key": ("unit:settings", "certificate"),
    "desk": ("unit:settings", "building"),
    "target": ("unit:targets", "database"),
}
# REST addresses of single things, and the page of the same thing.
PAGES = {"backup-images": "unit:backup", "backup-targets": "unit:target"}
TONES = {"green": "ok", "amber": "warn", "red": "bad"}


def _page_of(link: Link, place: str, key_id: str) -> str:
    """The page on which this link can be looked at and mended."""
    parts = link.url.strip("/").split("/")
    if len(parts) > 3 and parts[2] in PAGES:
        return reverse(PAGES[parts[2]], args=[parts[3]])
    if link.name in ("value", "drill") and key_id:
        return reverse("unit:key", args=[key_id])
    return reverse(place)


@require_safe
@login_required
def home(request: PageRequest) -> HttpResponse:
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
def survival(request: PageRequest) -> HttpResponse:
    found = readiness()
    tone, icon, words = ANSWERS[found.answer]
    epoch = active_epoch()
    links = []
    for link in found.links:
        place, link_icon = PLACES.get(link.name, ("unit:survival", "link"))
        links.append(
            {
                "link": link,
                "tone": TONES.get(link.state, "idle"),
                "icon": link_icon,
                "url": _page_of(link, place, epoch.key_id if epoch else ""),
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
            "newest": images().filter(state="verified").order_by("-made_at").first(),
            "may_act": request.user.has_role("admin"),
        },
    )
