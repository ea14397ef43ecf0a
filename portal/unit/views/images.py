"""Virtual images: list with resumable upload, details, rename, delete."""

from __future__ import annotations

import uuid

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import actor_of, require_fresh, role_required, user_of
from appliance.backup.selectors import images as backup_images
from appliance.catalog.actions import create_from_upload, delete_image, rename_image
from appliance.catalog.selectors import image_for, image_for_change, images_for
from appliance.content.selectors import upload_for, uploads_for
from ground.refusals import Refusal
from jobs.selectors import jobs_for, running_jobs_for
from portal.shell.refused import attempt, note_refusal, status_of
from portal.shell.request import PageRequest
from portal.shell.states import LOOKS
from portal.shell.tables import Table
from portal.unit.forms import NameForm
from portal.unit.side import CONTENT

MAKERS = ("admin", "member")
STATES = [(name, shown.word) for name, shown in LOOKS["virtual_image"].items()]


@require_safe
@never_cache
@role_required(*CONTENT)
def images(request: PageRequest) -> HttpResponse:
    table = Table(
        request,
        images_for(request.user),
        sorts={"name": "name", "size": "size", "entered": "created_at", "state": "state"},
        default="-entered",
        search=("name", "description", "owner_name"),
        choices={"state": ("state", STATES)},
    )
    return render(
        request,
        "unit/images.html",
        {
            "table": table,
            "may_add": request.user.has_role(*MAKERS),
            "uploads": uploads_for(request.user).filter(state="open")[:20],
            "sealing": [job for job in running_jobs_for(request.user) if job.kind == "content.seal"][:10],
        },
    )


@require_POST
@role_required(*MAKERS)
def take_upload(request: PageRequest) -> HttpResponse:
    """An upload, begun or complete, becomes a virtual image; called by the page's upload module."""
    try:
        upload = upload_for(request.user, request.POST.get("upload", ""))
        image = create_from_upload(
            actor=actor_of(request),
            owner=user_of(request),
            upload=upload,
            name=request.POST.get("name", "")[:200],
        )
    except Refusal as refusal:
        return JsonResponse(
            {**refusal.as_dict(), "event": note_refusal(request, refusal)}, status=status_of(refusal)
        )
    return JsonResponse({"url": reverse("unit:image", args=[image.pk])}, status=201)


@require_safe
@never_cache
@role_required(*CONTENT)
def image(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    found = image_for(request.user, image_id)
    return render(
        request,
        "unit/image.html",
        {
            "image": found,
            "form": NameForm(initial={"name": found.name}),
            "may_edit": request.user.has_role("admin") or found.owner_id == request.user.pk,
            "jobs": jobs_for(request.user)
            .filter(subject__endswith=str(found.pk))
            .order_by("-created_at")[:5],
            "newest_backup": backup_images().exclude(made_at=None).order_by("-made_at").first(),
        },
    )


@require_POST
@role_required(*MAKERS)
def rename(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    found = image_for_change(request.user, image_id)
    form = NameForm(request.POST)
    if form.is_valid():
        with attempt(request, "Renamed."):
            rename_image(found, actor=actor_of(request), name=form.cleaned_data["name"])
    return redirect("unit:image", image_id=image_id)


@require_POST
@role_required(*MAKERS)
def delete(request: PageRequest, image_id: uuid.UUID) -> HttpResponse:
    require_fresh(request)
    found = image_for_change(request.user, image_id)
    with attempt(request, f"{found.name} is deleted here; backups made before still hold it.") as outcome:
        delete_image(found, actor=actor_of(request))
    return redirect("unit:images") if outcome.ok else redirect("unit:image", image_id=image_id)
