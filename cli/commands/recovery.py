"""The replacement unit: asking for a transfer, collecting it, and confirming after the restore."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.commands.sites import text_of
from cli.registry import NO_WAIT, Call, argument, command


@command("transfer request", "make this unit's signed request and send it to the desk", NO_WAIT)
def request(call: Call) -> Any:
    return call.follow(call.site.post("transfers/request"), "transfer request")


@command("transfer show", "where this unit's transfer stands")
def show(call: Call) -> Any:
    return call.site.get("transfers/current")


@command(
    "transfer collect",
    "fetch and install the transfer with the code that was mailed",
    argument("code"),
    NO_WAIT,
)
def collect(call: Call) -> Any:
    return call.follow(call.site.post("transfers/collect", {"code": call.options.code}), "transfer")


@command(
    "transfer install", "install a transfer that was carried as a file", argument("file", type=Path), NO_WAIT
)
def install(call: Call) -> Any:
    return call.follow(
        call.site.post("transfers/install", {"transfer": text_of(call.options.file)}), "transfer"
    )


@command("transfer values", "the escrow values in the headers on the targets: what is handed to the desk")
def values(call: Call) -> Any:
    answer = call.site.get("transfers/values")
    return answer if call.options.json else answer["sheet"]


@command("recovery", "where the way back stands: transfer, restore, report")
def recovery(call: Call) -> Any:
    return call.site.get("recovery")
