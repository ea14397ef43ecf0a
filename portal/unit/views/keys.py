"""Keys by epoch, their values and drills. A look at a value is an act: it is logged, so it is a POST."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import actor_of, require_fresh, role_required
from appliance.backup.selectors import images, usable_by_key
from appliance.keys import selectors
from appliance.keys.actions import (
    download_value,
    make_value_sheet,
    prove_download,
    start_drill,
    start_rotation,
    waive_drill,
)
from appliance.keys.paper import pdf_of, pdf_response, qr_code
from appliance.keys.sheets import TITLE, WHAT_IT_IS, WHAT_LINES_ARE, WHAT_TO_DO
from jobs.selectors import jobs_for
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.unit.forms import DigestForm, RotateForm, WaiveForm
from portal.unit.side import READERS

KINDS = ("keys.rotate", "keys.drill", "keys.held")
LIVE = ("queued", "running", "cancelling")


@require_safe
@never_cache
@role_required(*READERS)
def keys(request: PageRequest) -> HttpResponse:
    """Every epoch, newest first, with how many images it opens: what retiring a key would cost."""
    rows = list(selectors.epochs())
    usable = usable_by_key()
    needed = {row.key_id: usable.get(row.key_id, 0) for row in rows}
    return render(
        request,
        "unit/keys.html",
        {
            "rows": rows,
            "needed": needed,
            "active": selectors.active_epoch(),
            "pending": selectors.pending_epoch(),
            "jobs": jobs_for(request.user).filter(kind__in=KINDS, state__in=LIVE),
            "failed": jobs_for(request.user).filter(kind="keys.rotate").order_by("-created_at").first(),
            "form": RotateForm(),
            "may_act": request.user.has_role("admin"),
        },
    )


_USABLE = ("committed", "verified", "damaged")


@require_POST
@role_required("admin")
def rotate(request: PageRequest) -> HttpResponse:
    require_fresh(request)
    form = RotateForm(request.POST)
    if form.is_valid():
        with attempt(
            request, "The rotation has started; the present key goes on protecting until it is over."
        ):
            job = start_rotation(
                actor=actor_of(request), reason=form.cleaned_data["reason"], kind=form.cleaned_data["kind"]
            )
            return redirect("shell:job", job_id=job.pk)
    return redirect("unit:keys")


def _key_page(request: PageRequest, key_id: str, **extra: object) -> HttpResponse:
    found = selectors.epoch(key_id)
    return render(
        request,
        "unit/key.html",
        {
            "key": found,
            "values": selectors.values_of(found),
            "drills": selectors.drills_of(found)[:20],
            "transitions": selectors.transitions(key_id)[:50],
            "waivers": selectors.waivers_of(found),
            "images": images().filter(key_id=key_id, state__in=_USABLE).order_by("-made_at")[:20],
            "jobs": jobs_for(request.user).filter(subject=f"key:{key_id}").order_by("-created_at")[:5],
            "waive_form": WaiveForm(),
            "digest_form": DigestForm(),
            "may_act": request.user.has_role("admin"),
            **extra,
        },
    )


@require_safe
@never_cache
@role_required(*READERS)
def key(request: PageRequest, key_id: str) -> HttpResponse:
    return _key_page(request, key_id)


@require_POST
@never_cache
@role_required("admin")
def value(request: PageRequest, key_id: str) -> HttpResponse:
    """Show the value once in the page, or send it as a file; either look is an event."""
    text = download_value(actor=actor_of(request), key_id=key_id)
    if request.POST.get("as") == "file":
        found = selectors.epoch(key_id)
        response = HttpResponse(text, content_type="text/plain; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="value-epoch-{found.epoch}.txt"'
        return response
    return _key_page(request, key_id, shown=text)


@require_POST
@never_cache
@role_required("admin")
def sheet(request: PageRequest, key_id: str) -> HttpResponse:
    """A page to print and keep away from the unit, or the same as a PDF; each look is logged."""
    as_pdf = request.POST.get("as") == "pdf"
    sheets = make_value_sheet(actor=actor_of(request), key_id=key_id, form="pdf" if as_pdf else "page")
    if as_pdf:
        return pdf_response(sheets[0].epoch, pdf_of(sheets))
    return render(
        request,
        "unit/sheet.html",
        {
            "key": selectors.epoch(key_id),
            "sheets": [
                {"made": made, "codes": [_code(part) for part in made.sheet.parts]} for made in sheets
            ],
            "title": TITLE,
            "what": WHAT_IT_IS,
            "todo": WHAT_TO_DO,
            "lines": WHAT_LINES_ARE,
        },
    )


def _code(part: Any) -> dict[str, Any]:
    """One QR code as an image that stands in the page itself."""
    return {"part": part, "picture": qr_code(part.text).svg_data_uri(border=4, light="#fff")}


@require_POST
@role_required("admin")
def prove(request: PageRequest, key_id: str) -> HttpResponse:
    form = DigestForm(request.POST)
    if form.is_valid():
        with attempt(request, "The digest is right: the value counts as durably held outside."):
            prove_download(actor=actor_of(request), key_id=key_id, digest=form.cleaned_data["digest"])
    return redirect("unit:key", key_id=key_id)


@require_POST
@role_required("admin")
def drill(request: PageRequest, key_id: str) -> HttpResponse:
    with attempt(request, "The drill is asked of the desk."):
        start_drill(actor=actor_of(request), key_id=key_id)
    return redirect("unit:key", key_id=key_id)


@require_POST
@role_required("admin")
def waive(request: PageRequest, key_id: str) -> HttpResponse:
    require_fresh(request)
    form = WaiveForm(request.POST)
    if form.is_valid():
        with attempt(request, "Your waiver is noted; it stands in every image header made under this key."):
            waive_drill(actor=actor_of(request), key_id=key_id, why=form.cleaned_data["why"])
    return redirect("unit:key", key_id=key_id)
