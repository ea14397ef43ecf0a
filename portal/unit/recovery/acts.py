"""What can be done in the steps of the recovery wizard: one action each, returning the step to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404

from accounts.permissions import actor_of, require_fresh
from appliance.backup import selectors as backups
from appliance.backup.actions import add_target, connect_target, edit_target, start_backup, start_verify
from appliance.keys.actions import start_rotation
from appliance.recovery.actions import (
    collect_transfer,
    confirm_outbound,
    load_transfer_file,
    request_transfer,
    start_preview,
    start_restore,
)
from appliance.unit.actions import first_installation, set_desk
from portal.shell.request import PageRequest
from portal.unit.forms import CodeForm, DeskForm, DocumentForm
from portal.unit.recovery.steps import Standing
from portal.unit.target_forms import form_of


def _add_target(request: PageRequest, _now: Standing) -> str:
    form = form_of(request.POST.get("kind", ""))(request.POST, blank=True)
    if not form.is_valid():
        raise BadForm("target", form=form)
    add_target(
        actor=actor_of(request),
        name=form.cleaned_data["name"],
        kind=form.kind,
        settings=form.settings(),
        credentials=form.credentials() or None,
        private_addresses=form.private(),
        bandwidth=form.bandwidth(),
    )
    return "target"


def _change_target(request: PageRequest, _now: Standing) -> str:
    """Another place or other credentials for a target that was refused: nothing is to be added twice."""
    found = _changeable(request)
    form = form_of(found.kind)(request.POST, target=found)
    if not form.is_valid():
        raise BadForm("target", bad=form)
    edit_target(found, actor=actor_of(request), **form.changes())
    return "target"


def _pin(request: PageRequest, _now: Standing) -> str:
    """Pin the very host key that the page showed, and no other that the server may show by now."""
    found = _changeable(request)
    shown = request.POST.get("host_key", "")[:200]
    edit_target(found, actor=actor_of(request), settings={**found.settings, "host_key": shown})
    return "target"


def _changeable(request: PageRequest) -> Any:
    """The target named, for an admin or while the unit is not in service; else there is nothing to change."""
    if not (request.user.has_role("admin") or backups.are_targets_open()):
        raise Http404
    return backups.target(request.POST.get("target", ""))


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
        raise BadForm("request", desk_form=form)
    set_desk(actor=actor_of(request), url=form.cleaned_data["url"])
    return "request"


def _ask(request: PageRequest, _now: Standing) -> str:
    request_transfer(actor=actor_of(request))
    return "request"


def _collect(request: PageRequest, now: Standing) -> str:
    require_fresh(request)
    form = CodeForm(request.POST)
    if not form.is_valid():
        raise BadForm("transfer", code_form=form)
    if now.case is None:
        raise Http404
    collect_transfer(now.case, actor=actor_of(request), code=form.cleaned_data["code"])
    return "transfer"


def _load(request: PageRequest, _now: Standing) -> str:
    require_fresh(request)
    form = DocumentForm(request.POST)
    if not form.is_valid():
        raise BadForm("transfer", file_form=form)
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


ACTS: dict[tuple[str, str], Callable[[PageRequest, Standing], str]] = {
    ("start", "install"): _install,
    ("target", "add"): _add_target,
    ("target", "change"): _change_target,
    ("target", "look"): _look,
    ("target", "pin"): _pin,
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
ADMIN_ONLY = {("rotate", "begin"), ("finish", "backup"), ("finish", "verify"), ("finish", "outbound")}


class BadForm(Exception):
    """A form that is not filled in right: shown again on its step, with its errors."""

    def __init__(self, step: str, **forms: Any) -> None:
        super().__init__(step)
        self.step = step
        self.forms = forms
