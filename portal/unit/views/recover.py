"""The recovery wizard: a blank unit's way to the content of the one it replaces.

Where it stands is read from the unit's own rows (its state, targets, transfer case, restore), never from a
session: so it survives a reload, a sign-out, another browser, and the switch to the restored accounts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import actor_of, require_fresh, role_required
from appliance.backup import selectors as backups
from appliance.backup.actions import add_target, connect_target, start_backup, start_verify
from appliance.keys import selectors as keys
from appliance.keys.actions import start_rotation
from appliance.recovery.actions import (
    collect_transfer,
    confirm_outbound,
    load_transfer_file,
    request_transfer,
    start_preview,
    start_restore,
)
from appliance.recovery.selectors import (
    clear_preview,
    current_restore,
    recovery_report,
    transfer_case,
    value_sheet,
)
from appliance.unit.actions import first_installation, set_desk
from appliance.unit.selectors import unit as this_unit
from jobs.selectors import jobs_for
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.unit.forms import CodeForm, DeskForm, DocumentForm, TargetForm
from portal.unit.side import RECOVERERS

LIVE = ("queued", "running", "cancelling")
USABLE = ("committed", "verified")
RUNNING = ("planned", "copying", "loading", "switching")


@dataclass(frozen=True)
class Step:
    """One step: `what` happens there, `who` moves next, and what comes `then`."""

    name: str
    label: str
    what: str
    who: str
    then: str


STEPS = (
    Step("start", "What this is",
         "You learn what will happen, and what you need at hand.",
         "Yours", "You connect the backup target."),
    Step("target", "Connect the target",
         "The unit looks at the storage that holds the backups. It writes nothing there.",
         "Yours, then the unit's", "You see which images are there."),
    Step("images", "Images and values",
         "The unit lists the images it finds and gathers the values that stand in their headers.",
         "Yours: hand the values to the desk", "This unit makes its transfer request."),
    Step("request", "Transfer request",
         "This unit signs a request that names its own device key. The key will be sealed to it alone.",
         "The unit's, then the desk's", "The desk approves, custody seals the key to this unit."),
    Step("transfer", "Install the transfer",
         "You enter the one-time code from the desk's mail, or load the transfer file.",
         "The desk's until the code is here, then yours", "The key is inside, and images can be opened."),
    Step("preview", "Choose and preview",
         "You choose an image and see what comes back, before anything changes.",
         "Yours", "You start the restore."),
    Step("restore", "Restore",
         "Content is copied back and every piece checked; then the database is switched, once.",
         "The unit's", "The restored accounts take over: sign in as you did on the lost unit."),
    Step("rotate", "A key of its own",
         "The recovered key has left custody, so nothing is sealed under it again: the unit makes a new one.",
         "Yours, then the unit's", "The first backup under the new key."),
    Step("finish", "First backup and close",
         "The first image is made and verified, the desk gets its report, and outbound work goes on.",
         "Yours, then the desk's", "The ticket closes. The unit is in service."),
)  # fmt: skip
NAMES = [step.name for step in STEPS]


@dataclass
class Standing:
    """Everything the wizard is decided by, read once for a request."""

    unit: Any
    targets: list[Any]
    ready: list[Any]
    case: Any
    restore: Any
    report: Any

    @property
    def reached(self) -> str:
        """The step whose turn it is."""
        match self.unit.state:
            case "blank":
                if not self.ready:
                    return "target" if self.targets else "start"
                if self.case is None:
                    return "images"
                return "transfer" if self.case.state in ("requested", "collected") else "request"
            case "keyed":
                running = self.restore is not None and self.restore.state in RUNNING
                return "restore" if running else "preview"
            case "restoring":
                return "restore"
            case "must_rotate":
                return "rotate"
            case _:
                return "finish"

    @property
    def begun(self) -> bool:
        """False on a unit in service that never was a replacement: there is nothing to recover here."""
        return self.unit.state in ("blank", "keyed", "restoring") or self.restore is not None

    @property
    def over(self) -> bool:
        return (
            self.unit.state == "in_service"
            and not self.unit.outbound_paused
            and (self.report is None or self.report.state == "delivered")
        )


def standing() -> Standing:
    targets = list(backups.targets().order_by("name"))
    return Standing(
        unit=this_unit(),
        targets=targets,
        ready=[target for target in targets if target.state == "ready"],
        case=transfer_case(),
        restore=current_restore(),
        report=recovery_report(),
    )


@require_safe
@never_cache
@role_required(*RECOVERERS)
def recover(request: PageRequest) -> HttpResponse:
    """Goes on where the unit stands."""
    now = standing()
    if not now.begun:
        return render(request, "unit/recover_none.html", {"unit": now.unit})
    return redirect("unit:recover-step", step=now.reached)


@require_safe
@never_cache
@role_required(*RECOVERERS)
def step(request: PageRequest, step: str) -> HttpResponse:
    now = standing()
    if step not in NAMES:
        raise Http404
    if not now.begun:
        return redirect("unit:recover")
    if NAMES.index(step) > _furthest(now):
        return redirect("unit:recover")
    return _show(request, now, step)


def _furthest(now: Standing) -> int:
    """The last step that may be looked at: on a blank unit with a target, the request is open as well."""
    place = NAMES.index(now.reached)
    if now.unit.state == "blank":
        place = max(place, NAMES.index("request") if now.ready else NAMES.index("target"))
    if now.unit.state == "keyed":
        place = NAMES.index("restore")
    return place


def _show(request: PageRequest, now: Standing, name: str, **extra: Any) -> HttpResponse:
    at = STEPS[NAMES.index(name)]
    furthest, reached = _furthest(now), NAMES.index(now.reached)
    steps = [
        {
            "label": entry.label,
            "done": place < reached or now.over,
            "here": entry.name == name,
            "url": reverse("unit:recover-step", args=[entry.name])
            if place <= furthest and entry.name != name
            else "",
        }
        for place, entry in enumerate(STEPS)
    ]
    jobs = list(jobs_for(request.user).filter(state__in=LIVE).order_by("created_at"))
    context: dict[str, Any] = {
        "step": at,
        "steps": steps,
        "standing": now,
        "unit": now.unit,
        "case": now.case,
        "restore": now.restore,
        "report": now.report,
        "live": jobs,
        "is_turn": name == now.reached,
        "next_url": reverse("unit:recover-step", args=[now.reached]),
        "latest": jobs_for(request.user).exclude(state__in=LIVE).order_by("-ended_at").first(),
    }
    context |= (_GATHER[name](request, now) if name in _GATHER else {}) | extra
    status = int(context.pop("status", 200))
    return render(request, f"unit/recover_{name}.html", context, status=status)


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


_GATHER: dict[str, Callable[[PageRequest, Standing], dict[str, Any]]] = {
    "target": lambda _request, _now: {"form": TargetForm()},
    "images": _images,
    "request": lambda _request, now: {"desk_form": DeskForm(initial={"url": now.unit.desk_url})},
    "transfer": lambda _request, _now: {"code_form": CodeForm(), "file_form": DocumentForm()},
    "preview": _preview,
    "restore": _restore,
    "rotate": _rotate,
    "finish": _finish,
}


# What can be done in the steps: one action each.


def _add_target(request: PageRequest, _now: Standing) -> str:
    form = TargetForm(request.POST)
    if not form.is_valid():
        raise _BadForm("target", form=form)
    data = form.cleaned_data
    add_target(actor=actor_of(request), name=data["name"], kind="directory", settings={"path": data["path"]})
    return "target"


def _look(request: PageRequest, _now: Standing) -> str:
    connect_target(backups.target(request.POST.get("target", "")), actor=actor_of(request))
    return "target"


def _install(request: PageRequest, _now: Standing) -> str:
    require_fresh(request)
    first_installation(actor=actor_of(request), enrolment=request.POST.get("enrolment", "").strip() or None)
    return "start"


def _desk(request: PageRequest, _now: Standing) -> str:
    form = DeskForm(request.POST)
    if not form.is_valid():
        raise _BadForm("request", desk_form=form)
    set_desk(actor=actor_of(request), url=form.cleaned_data["url"])
    return "request"


def _ask(request: PageRequest, _now: Standing) -> str:
    request_transfer(actor=actor_of(request))
    return "request"


def _collect(request: PageRequest, now: Standing) -> str:
    require_fresh(request)
    form = CodeForm(request.POST)
    if not form.is_valid():
        raise _BadForm("transfer", code_form=form)
    if now.case is None:
        raise Http404
    collect_transfer(now.case, actor=actor_of(request), code=form.cleaned_data["code"])
    return "transfer"


def _load(request: PageRequest, _now: Standing) -> str:
    require_fresh(request)
    form = DocumentForm(request.POST)
    if not form.is_valid():
        raise _BadForm("transfer", file_form=form)
    load_transfer_file(actor=actor_of(request), document=form.cleaned_data["document"])
    return "transfer"


def _read(request: PageRequest, _now: Standing) -> str:
    start_preview(backups.image(request.POST.get("image", "")), actor=actor_of(request))
    return "preview"


def _start(request: PageRequest, _now: Standing) -> str:
    require_fresh(request)
    start_restore(
        backups.image(request.POST.get("image", "")),
        actor=actor_of(request),
        accept_rolled_back=request.POST.get("accept_rolled_back") == "yes",
    )
    return "restore"


def _new_key(request: PageRequest, _now: Standing) -> str:
    require_fresh(request)
    start_rotation(actor=actor_of(request), reason="rotation after a restore")
    return "rotate"


def _back_up(request: PageRequest, _now: Standing) -> str:
    start_backup(backups.target(request.POST.get("target", "")), actor=actor_of(request))
    return "finish"


def _verify(request: PageRequest, _now: Standing) -> str:
    start_verify(backups.image(request.POST.get("image", "")), actor=actor_of(request), depth="full")
    return "finish"


def _outbound(request: PageRequest, _now: Standing) -> str:
    require_fresh(request)
    confirm_outbound(actor=actor_of(request))
    return "finish"


_ACTS: dict[tuple[str, str], Callable[[PageRequest, Standing], str]] = {
    ("start", "install"): _install,
    ("target", "add"): _add_target,
    ("target", "look"): _look,
    ("request", "desk"): _desk,
    ("request", "ask"): _ask,
    ("transfer", "collect"): _collect,
    ("transfer", "load"): _load,
    ("preview", "read"): _read,
    ("restore", "start"): _start,
    ("rotate", "begin"): _new_key,
    ("finish", "backup"): _back_up,
    ("finish", "verify"): _verify,
    ("finish", "outbound"): _outbound,
}
_ADMIN_ONLY = {("rotate", "begin"), ("finish", "backup"), ("finish", "verify"), ("finish", "outbound")}


class _BadForm(Exception):
    """A form that is not filled in right: shown again on its step, with its errors."""

    def __init__(self, step: str, **forms: Any) -> None:
        super().__init__(step)
        self.step = step
        self.forms = forms


@require_POST
@role_required(*RECOVERERS)
def act(request: PageRequest, step: str, act: str) -> HttpResponse:
    """One act of one step; a refusal is shown on the step it belongs to."""
    chosen = _ACTS.get((step, act))
    if chosen is None or ((step, act) in _ADMIN_ONLY and not request.user.has_role("admin")):
        raise Http404
    now = standing()
    if not now.begun:
        raise Http404
    try:
        with attempt(request, tell=False) as outcome:
            return redirect("unit:recover-step", step=chosen(request, now))
    except _BadForm as bad:
        return _show(request, now, bad.step, status=400, **bad.forms)
    return _show(request, standing(), step, status=409, refusal=outcome.refusal, event_id=outcome.event_id)
