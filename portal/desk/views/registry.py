"""The registry: customers, appliances with their chain of units, units, lodged values."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.permissions import actor_of, require_fresh, role_required
from manufacturer.escrow.selectors import drills_for, heads_for, openings_of, value_for, values_for
from manufacturer.registry.actions.add_appliance import add_appliance
from manufacturer.registry.actions.add_customer import add_customer
from manufacturer.registry.actions.assign_unit import assign_unit
from manufacturer.registry.actions.report_end import report_end
from manufacturer.registry.selectors import (
    appliance_for,
    appliances_for,
    chain_of,
    customer_for,
    customers_for,
    transfer_requests_for,
    unit_for,
    units_for,
)
from manufacturer.rma.selectors import tickets_for
from portal.desk.forms import ApplianceForm, AssignForm, CustomerForm, EndedForm
from portal.desk.openings import numbers_in
from portal.desk.side import STAFF
from portal.shell.refused import attempt
from portal.shell.request import PageRequest
from portal.shell.states import LOOKS
from portal.shell.tables import Table

UNIT_STATES = [
    (name, LOOKS["unit"][name].word)
    for name in (
        "manufactured", "in_stock", "reserved", "shipped", "in_service", "failed", "tampered", "stolen",
        "under_repair", "returned", "retired",
    )
]  # fmt: skip


@require_http_methods(["GET", "POST"])
@role_required(*STAFF)
def customers(request: PageRequest) -> HttpResponse:
    may_add = request.user.has_role("clerk")
    form = CustomerForm(request.POST if may_add and request.method == "POST" else None)
    if request.method == "POST" and may_add and form.is_valid():
        with attempt(request, "The customer is entered.") as outcome:
            made = add_customer(actor=actor_of(request), **form.cleaned_data)
            return redirect("desk:customer", customer_id=made.pk)
        del outcome
    table = Table(
        request,
        customers_for(request.user),
        sorts={"name": "name", "entered": "created_at"},
        default="name",
        search=("name", "reference", "contact_email"),
    )
    return render(request, "desk/customers.html", {"table": table, "form": form, "may_add": may_add})


@require_http_methods(["GET", "POST"])
@role_required(*STAFF)
def customer(request: PageRequest, customer_id: uuid.UUID) -> HttpResponse:
    found = customer_for(request.user, customer_id)
    may_add = request.user.has_role("clerk")
    form = ApplianceForm(request.POST if may_add and request.method == "POST" else None)
    if request.method == "POST" and may_add and form.is_valid():
        with attempt(request, "The appliance is entered."):
            add_appliance(actor=actor_of(request), customer=found, name=form.cleaned_data["name"])
            return redirect("desk:customer", customer_id=customer_id)
    return render(
        request,
        "desk/customer.html",
        {
            "customer": found,
            # Where none was given the id stands in for it.
            "has_reference": found.reference != str(found.pk),
            "form": form,
            "may_add": may_add,
            "appliances": appliances_for(request.user).filter(customer=found),
            "units": units_for(request.user).filter(customer=found),
            "tickets": tickets_for(request.user).filter(customer=found).order_by("-created_at")[:20],
        },
    )


@require_safe
@role_required(*STAFF)
def appliances(request: PageRequest) -> HttpResponse:
    table = Table(
        request,
        appliances_for(request.user),
        sorts={"name": "name", "customer": "customer__name", "entered": "created_at"},
        default="name",
        search=("name", "customer__name"),
    )
    chains = {row.pk: chain_of(row) for row in table.rows}
    return render(request, "desk/appliances.html", {"table": table, "chains": chains})


@require_safe
@login_required
def appliance(request: PageRequest, appliance_id: uuid.UUID) -> HttpResponse:
    found = appliance_for(request.user, appliance_id)
    return render(
        request,
        "desk/appliance.html",
        {
            "appliance": found,
            "chain": chain_of(found),
            "values": values_for(request.user).filter(appliance=found).order_by("-lodged_at")[:50],
            "tickets": tickets_for(request.user).filter(appliance=found).order_by("-created_at")[:20],
        },
    )


@require_safe
@login_required
def units(request: PageRequest) -> HttpResponse:
    table = Table(
        request,
        units_for(request.user),
        sorts={
            "serial": "serial",
            "state": "state",
            "customer": "customer__name",
            "warranty": "warranty_until",
            "entered": "created_at",
        },
        default="serial",
        search=("serial", "model", "customer__name", "appliance__name"),
        choices={"state": ("state", UNIT_STATES)},
    )
    return render(request, "desk/units.html", {"table": table})


@require_http_methods(["GET", "POST"])
@login_required
def unit(request: PageRequest, unit_id: uuid.UUID) -> HttpResponse:
    found = unit_for(request.user, unit_id)
    may_assign = request.user.has_role("clerk") and found.customer_id is None and not found.withdrawn_reason
    options = [
        (str(row.pk), f"{row.customer} · {row.name}")
        for row in (appliances_for(request.user)[:500] if may_assign else [])
    ]
    form = AssignForm(request.POST if may_assign and request.method == "POST" else None, appliances=options)
    if request.method == "POST" and may_assign and form.is_valid():
        with attempt(request, "The unit is assigned; it can fetch its enrolment."):
            chosen = appliance_for(request.user, form.cleaned_data["appliance"])
            assign_unit(
                actor=actor_of(request),
                unit=found,
                appliance=chosen,
                warranty_until=form.cleaned_data["warranty_until"],
            )
            return redirect("desk:unit", unit_id=unit_id)
    return render(
        request,
        "desk/unit.html",
        {
            "unit": found,
            "form": form if may_assign else None,
            "may_end": request.user.has_role("clerk") and found.state in ("in_service", "shipped"),
            "replaces": units_for(request.user).filter(replaced_by=found).first(),
            "requests": transfer_requests_for(request.user).filter(unit=found).order_by("-created_at")[:10],
            "values": values_for(request.user).filter(unit=found).order_by("-epoch")[:50],
            "heads": heads_for(request.user).filter(unit=found),
            "drills": drills_for(request.user).filter(unit=found).order_by("-created_at")[:20],
            "tickets": tickets_for(request.user).filter(source_unit=found).order_by("-created_at"),
        },
    )


@require_POST
@role_required("clerk")
def unit_ended(request: PageRequest, unit_id: uuid.UUID) -> HttpResponse:
    require_fresh(request)
    found = unit_for(request.user, unit_id)
    form = EndedForm(request.POST)
    if form.is_valid():
        with attempt(request, f"{found.serial} is {form.cleaned_data['how']}; its identity is withdrawn."):
            report_end(actor=actor_of(request), unit=found, **form.cleaned_data)
    return redirect("desk:unit", unit_id=unit_id)


@require_safe
@login_required
def values(request: PageRequest) -> HttpResponse:
    table = Table(
        request,
        values_for(request.user).select_related("unit", "customer", "appliance"),
        sorts={
            "unit": "unit__serial",
            "epoch": "epoch",
            "lodged": "lodged_at",
            "proven": "proven_at",
            "customer": "customer__name",
        },
        default="-lodged",
        search=("unit__serial", "customer__name", "appliance__name", "key_id", "digest"),
    )
    return render(request, "desk/values.html", {"table": table})


@require_safe
@login_required
def value(request: PageRequest, value_id: uuid.UUID) -> HttpResponse:
    found = value_for(request.user, value_id)
    openings = openings_of(request.user, found)
    return render(
        request,
        "desk/value.html",
        {
            "value": found,
            "drills": drills_for(request.user).filter(value_digest=found.digest).order_by("-created_at")[:20],
            "openings": openings,
            "numbers": numbers_in(request.user, openings),
        },
    )
