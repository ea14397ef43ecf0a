"""People of this site and their roles; the own account and its tokens."""

from __future__ import annotations

import datetime as dt
import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import actions, selectors
from accounts.permissions import actor_of, require_fresh, role_required
from accounts.roles import roles_here
from portal.shell import site
from portal.shell.forms import PersonForm, RolesForm, TokenForm
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.shell.tables import Table

ADMINS = ("admin", "custodian")


@require_safe
@role_required(*ADMINS, "auditor")
def people(request: PageRequest) -> HttpResponse:
    table = Table(
        request,
        selectors.users_for(request.user),
        sorts={"name": "username", "made": "created_at", "seen": "last_login"},
        default="name",
        search=("username", "display_name", "email"),
    )
    return render(request, "shell/people.html", {"table": table, "may_edit": request.user.has_role(*ADMINS)})


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(*ADMINS)
def add_person(request: PageRequest) -> HttpResponse:
    """Make an account; the first password is shown once, here, and nowhere else."""
    form = PersonForm(request.POST or None, customers=site.current().customers(request))
    if request.method == "POST" and form.is_valid():
        require_fresh(request)
        data = form.cleaned_data
        with attempt(request) as outcome:
            user, password = actions.create_user(
                actor=actor_of(request),
                username=data["username"],
                email=data["email"],
                roles=tuple(data["roles"]),
                customer_id=uuid.UUID(data["customer"]) if data.get("customer") else None,
            )
            return render(request, "shell/person_made.html", {"person": user, "password": password})
        return render(request, "shell/person_add.html", {"form": form, "outcome": outcome}, status=409)
    return render(request, "shell/person_add.html", {"form": form, "roles": roles_here()})


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(*ADMINS)
def person(request: PageRequest, user_id: uuid.UUID) -> HttpResponse:
    found = selectors.user_for(request.user, user_id)
    form = RolesForm(request.POST or None, initial={"roles": sorted(found.roles)})
    if request.method == "POST" and form.is_valid():
        require_fresh(request)
        wanted, held = set(form.cleaned_data["roles"]), set(found.roles)
        with attempt(request, "The roles were changed; they count from the next request on."):
            for role in sorted(wanted - held):
                actions.grant_role(actor=actor_of(request), user=found, role=role)
            for role in sorted(held - wanted):
                actions.revoke_role(actor=actor_of(request), user=found, role=role)
        return redirect("shell:person", user_id=user_id)
    return render(request, "shell/person.html", {"person": found, "form": form, "roles": roles_here()})


@require_POST
@role_required(*ADMINS)
def deactivate_person(request: PageRequest, user_id: uuid.UUID) -> HttpResponse:
    require_fresh(request)
    found = selectors.user_for(request.user, user_id)
    with attempt(request, f"{found.username} can no longer sign in, and their tokens no longer work."):
        actions.deactivate_user(actor=actor_of(request), user=found)
    return redirect("shell:person", user_id=user_id)


@require_POST
@never_cache
@role_required(*ADMINS)
def new_password(request: PageRequest, user_id: uuid.UUID) -> HttpResponse:
    require_fresh(request)
    found = selectors.user_for(request.user, user_id)
    password = actions.set_password(actor=actor_of(request), user=found)
    return render(request, "shell/person_made.html", {"person": found, "password": password, "renewed": True})


@require_safe
@login_required
def account(request: PageRequest) -> HttpResponse:
    held = [(role, text) for role, text in roles_here().items() if role in request.user.roles]
    return render(request, "shell/account.html", {"held": held})


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def tokens(request: PageRequest) -> HttpResponse:
    """The own tokens; a new one is shown once."""
    form = TokenForm(request.POST or None)
    made: str | None = None
    if request.method == "POST" and form.is_valid():
        require_fresh(request)
        with attempt(request):
            _token, made = actions.issue_token(
                actor=actor_of(request),
                user=request.user,
                name=form.cleaned_data["name"],
                expiry=dt.timedelta(days=int(form.cleaned_data["days"])),
            )
            form = TokenForm()
    return render(
        request,
        "shell/tokens.html",
        {"form": form, "made": made, "tokens": selectors.tokens_for(request.user).filter(user=request.user)},
    )


@require_POST
@login_required
def revoke_token(request: PageRequest, token_id: uuid.UUID) -> HttpResponse:
    found = selectors.token_for(request.user, token_id)
    with attempt(request, "The token no longer works."):
        actions.revoke_token(actor=actor_of(request), token=found)
    return redirect("shell:tokens")
