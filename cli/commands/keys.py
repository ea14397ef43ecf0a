"""Key epochs: rotating, drilling, and the value that the admin may hold."""

from __future__ import annotations

from typing import Any

from cli.registry import NO_WAIT, Call, argument, command, only

KEY = argument("key", nargs="?", default="active", help="key id, or `active`")


def key_id(call: Call) -> str:
    if call.options.key != "active":
        return str(call.options.key)
    rows = [row for row in call.site.each("keys") if row["state"] == "active"]
    return str(only(rows, "active keys")["key_id"])


@command("key list", "key epochs", columns=("epoch", "state", "key_id", "proven", "origin", "created_at"))
def keys(call: Call) -> Any:
    return list(call.site.each("keys"))


@command(
    "key rotate",
    "make a new key, lodge and drill its value, then activate it",
    argument("--reason", default=""),
    NO_WAIT,
)
def rotate(call: Call) -> Any:
    return call.follow(call.site.post("keys/rotate", {"reason": call.options.reason}), "rotation")


@command("key value", "the escrow value of a key: an identifier, not a credential", KEY)
def value(call: Call) -> Any:
    return call.site.get(f"keys/{key_id(call)}/value")


@command("key drill", "prove at the desk that the value still opens", KEY, NO_WAIT)
def drill(call: Call) -> Any:
    return call.follow(call.site.post(f"keys/{key_id(call)}/drill"), "drill")


@command(
    "key waive", "go on without a drill, marked as such", argument("key"), argument("--why", required=True)
)
def waive(call: Call) -> Any:
    return call.site.post(f"keys/{call.options.key}/waive", {"why": call.options.why})
