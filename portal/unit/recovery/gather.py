"""What each step of the recovery wizard shows, beside where the unit stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance.backup import selectors as backups
from appliance.keys import selectors as keys
from appliance.recovery.selectors import clear_preview, value_sheet
from jobs.selectors import jobs_for
from portal.shell.request import PageRequest
from portal.unit.forms import CodeForm, DeskForm, DocumentForm
from portal.unit.recovery.steps import Standing
from portal.unit.target_forms import FORMS, form_of

USABLE = ("committed", "verified")
EMPTY = "the place is empty"  # how a look at a target says so


def _target(request: PageRequest, now: Standing) -> dict[str, Any]:
    """Each target with what it met and with the form to change it; the forms of a further one."""
    files = backups.carried_files()
    return {
        "entries": [_entry(target) for target in now.targets],
        "form": form_of(request.GET.get("kind", ""))(blank=True),
        "forms": FORMS.values(),
        "adds": "kind" in request.GET,
        "usable": [file for file in files if file.problem is None],
        "unusable": [file for file in files if file.problem is not None],
        "places": now.targets,
    }


def _entry(target: Any) -> dict[str, Any]:
    problem = target.problem or {}
    facts = problem.get("facts") or {}
    return {
        "target": target,
        "met_key": facts.get("found", ""),
        # Nothing is wrong with an empty place: a carried image can be taken in onto it.
        "is_empty": problem.get("code") == "target.not-a-repository" and facts.get("why") == EMPTY,
        "is_unpinned": problem.get("code") == "target.host-key-unknown",
        "form": form_of(target.kind)(target=target, auto_id=f"id_{target.pk}_%s"),
    }


def _images(_request: PageRequest, _now: Standing) -> dict[str, Any]:
    rows = list(backups.images().filter(state__in=USABLE).order_by("-made_at")[:200])
    return {"images": rows, "values": backups.values_on_targets(), "sheet": value_sheet()}


def _preview(request: PageRequest, _now: Standing) -> dict[str, Any]:
    """The chosen image stands in the address; without one, the newest is proposed."""
    rows = list(backups.images().filter(state__in=USABLE).order_by("-made_at")[:50])
    wanted = request.GET.get("image", "")
    chosen = next((row for row in rows if str(row.pk) == wanted), rows[0] if rows else None)
    return {
        "images": rows,
        "chosen": chosen,
        "clear": clear_preview(chosen) if chosen else None,
        "job": jobs_for(request.user).filter(kind="recovery.preview").order_by("-created_at").first(),
    }


def _restore(request: PageRequest, _now: Standing) -> dict[str, Any]:
    return {"job": jobs_for(request.user).filter(kind="recovery.restore").order_by("-created_at").first()}


def _rotate(request: PageRequest, _now: Standing) -> dict[str, Any]:
    return {
        "job": jobs_for(request.user).filter(kind="keys.rotate").order_by("-created_at").first(),
        "pending": keys.pending_epoch(),
        "active": keys.active_epoch(),
    }


def _finish(request: PageRequest, now: Standing) -> dict[str, Any]:
    own = backups.images().filter(own=True, serial=now.unit.serial).exclude(state="abandoned")
    return {
        "first": own.order_by("sequence").first(),
        "targets": now.ready,
        "active": keys.active_epoch(),
        "job": jobs_for(request.user)
        .filter(kind__in=["backup.run", "backup.verify"])
        .order_by("-created_at")
        .first(),
        "is_admin": request.user.has_role("admin"),
    }


GATHER: dict[str, Callable[[PageRequest, Standing], dict[str, Any]]] = {
    "target": _target,
    "images": _images,
    "request": lambda _request, now: {"desk_form": DeskForm(initial={"url": now.unit.desk_url})},
    "transfer": lambda _request, _now: {"code_form": CodeForm(), "file_form": DocumentForm()},
    "preview": _preview,
    "restore": _restore,
    "rotate": _rotate,
    "finish": _finish,
}
