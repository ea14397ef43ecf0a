"""Tickets at the desk: opened by a contact, worked by clerks, approved on the approver's own side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.commands.sites import text_of
from cli.registry import Call, argument, command, only

TICKET = argument("ticket", help="number or id")
REASON = argument("--reason", default="")
COLUMNS = ("number", "state", "serial", "customer_name", "appliance_name", "opened_by", "changed_at")


def ticket_id(call: Call) -> str:
    """A ticket's id from its number or id."""
    given: str = call.options.ticket
    if len(given) == 36 and given.count("-") == 4:
        return given
    rows = [row for row in call.site.each("tickets") if row["number"] == given]
    return str(only(rows, "tickets")["id"])


def move(call: Call, verb: str, body: dict[str, Any] | None = None) -> Any:
    return brief(call.site.post(f"tickets/{ticket_id(call)}/{verb}", body))


def brief(ticket: dict[str, Any]) -> dict[str, Any]:
    """A ticket without its long members."""
    long = {"values", "attempts", "timeline", "closeout"}
    return {name: value for name, value in ticket.items() if name not in long}


@command("ticket list", "tickets one may see", columns=COLUMNS)
def list_tickets(call: Call) -> Any:
    return list(call.site.each("tickets"))


@command("ticket show", "everything about a ticket", TICKET)
def show(call: Call) -> Any:
    return call.site.get(f"tickets/{ticket_id(call)}")


@command(
    "ticket open",
    "open a ticket with values or with the header of any backup image",
    argument("file", type=Path, nargs="+", help="files with values or headers; - for standard input"),
    argument("--ended", choices=["failed", "tampered", "stolen"], default="failed"),
    REASON,
)
def open_ticket(call: Call) -> Any:
    text = "\n".join(text_of(path) for path in call.options.file)
    body = {"text": text, "reason": call.options.reason, "ended": call.options.ended}
    return brief(call.site.post("tickets", body))


@command("ticket accept", "take a ticket into work", TICKET)
def accept(call: Call) -> Any:
    return move(call, "accept")


@command("ticket refuse", "refuse a ticket with a reason the customer can act on", TICKET, REASON)
def refuse(call: Call) -> Any:
    return move(call, "refuse", {"reason": call.options.reason})


@command("ticket cancel", "cancel a ticket", TICKET, REASON)
def cancel(call: Call) -> Any:
    return move(call, "cancel", {"reason": call.options.reason})


@command(
    "ticket reserve",
    "reserve the replacement that waits and join its transfer request",
    TICKET,
    argument("--serial", required=True, help="serial number of the unit that waits"),
)
def reserve(call: Call) -> Any:
    return move(call, "request", {"serial": call.options.serial})


@command("ticket document", "the exact document that is to be approved", TICKET)
def document(call: Call) -> Any:
    return call.site.get(f"tickets/{ticket_id(call)}/document")


@command(
    "ticket ship",
    "note the shipment of the replacement",
    TICKET,
    argument("--carrier", required=True),
    argument("--tracking", required=True),
    argument("--expected", help="date, YYYY-MM-DD"),
)
def ship(call: Call) -> Any:
    options = call.options
    body = {"carrier": options.carrier, "tracking": options.tracking, "expected_on": options.expected}
    return move(call, "shipment", body)


@command("ticket receipt", "confirm that the replacement arrived; mails the release code", TICKET)
def receipt(call: Call) -> Any:
    return move(call, "receipt")


@command("ticket code", "mail a new release code; the former one is void", TICKET)
def code(call: Call) -> Any:
    return move(call, "code")


@command("ticket reissue", "void the transfer and begin again with another unit", TICKET, REASON)
def reissue(call: Call) -> Any:
    return move(call, "reissue", {"reason": call.options.reason})


@command("ticket close", "close a ticket whose close-out checks are done", TICKET)
def close(call: Call) -> Any:
    return move(call, "close")


@command(
    "ticket moves",
    "what can be done now, and by whom",
    TICKET,
    columns=("name", "allowed", "label", "why_not"),
)
def moves(call: Call) -> Any:
    return call.site.get(f"tickets/{ticket_id(call)}/moves")
