"""The desk's registry, its lodged values, drills and ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli.commands.sites import text_of
from cli.registry import Call, argument, command, only


@command("customer list", "customers", columns=("name", "reference", "contact_email", "id"))
def customers(call: Call) -> Any:
    return list(call.site.each("customers"))


@command(
    "customer add",
    "add a customer",
    argument("name"),
    argument("--contact", default="", help="e-mail address"),
)
def add_customer(call: Call) -> Any:
    return call.site.post("customers", {"name": call.options.name, "contact_email": call.options.contact})


@command("appliance list", "appliances and whose they are", columns=("name", "customer_name", "id"))
def appliances(call: Call) -> Any:
    return list(call.site.each("appliances"))


@command(
    "appliance add", "add an appliance of a customer", argument("name"), argument("--customer", required=True)
)
def add_appliance(call: Call) -> Any:
    customer = find(call, "customers", call.options.customer, "name", "reference")
    return call.site.post("appliances", {"customer": customer["id"], "name": call.options.name})


@command(
    "unit list",
    "units of the registry",
    columns=("serial", "model", "state", "customer_name", "appliance_name", "replaced_by_serial"),
)
def units(call: Call) -> Any:
    return list(call.site.each("units"))


@command("unit enrol", "enrol a unit from the bundle that the factory made", argument("bundle", type=Path))
def enrol(call: Call) -> Any:
    return call.site.post("units", {"bundle": json.loads(text_of(call.options.bundle))})


@command(
    "unit assign",
    "sell a unit in stock to a customer, for one of their appliances",
    argument("serial"),
    argument("--customer", required=True),
    argument("--appliance", required=True),
)
def assign(call: Call) -> Any:
    customer = find(call, "customers", call.options.customer, "name", "reference")
    appliance = find(call, "appliances", call.options.appliance, "name")
    unit = find(call, "units", call.options.serial, "serial")
    return call.site.post(
        f"units/{unit['id']}/assign", {"customer": customer["id"], "appliance": appliance["id"]}
    )


@command(
    "unit end",
    "a unit failed, was tampered with or stolen",
    argument("serial"),
    argument("how", choices=["failed", "tampered", "stolen"]),
    argument("--reason", default=""),
)
def end(call: Call) -> Any:
    unit = find(call, "units", call.options.serial, "serial")
    return call.site.post(f"units/{unit['id']}/end", {"how": call.options.how, "reason": call.options.reason})


@command("value list", "lodged values", columns=("serial", "epoch", "key_id", "lodged_at", "proven_at"))
def values(call: Call) -> Any:
    return list(call.site.each("values"))


@command("value identify", "what a value or a header belongs to", argument("file", type=Path))
def identify(call: Call) -> Any:
    return call.site.post("values/identify", {"text": text_of(call.options.file)})


@command("request list", "transfer requests that wait", columns=("serial", "state", "digest", "created_at"))
def requests(call: Call) -> Any:
    return list(call.site.each("transfer-requests"))


@command(
    "drill list",
    "drills that units asked for",
    columns=("serial", "state", "created_at", "answered_at", "value_digest"),
)
def drills(call: Call) -> Any:
    return list(call.site.each("drills"))


@command(
    "ledger",
    "custody's ledger of openings, countersigned",
    columns=("sequence", "kind", "phase", "subject", "made_at"),
)
def ledger(call: Call) -> Any:
    return list(call.site.each("ledger"))


@command(
    "authority-key list",
    "entries of the signed authority list",
    columns=("use", "suite", "state", "key_id", "list_version"),
)
def authority_keys(call: Call) -> Any:
    return call.site.get("authority-keys")


def find(call: Call, path: str, wanted: str, *members: str) -> dict[str, Any]:
    """The one row whose id or named member is the text wanted."""
    rows = [
        row for row in call.site.each(path) if wanted in {row["id"], *(row.get(name) for name in members)}
    ]
    return only(rows, f"of the {path} called {wanted!r}")
