"""Key epochs: rotating, drilling, and the value that the admin may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.commands.sites import text_of
from cli.registry import NO_WAIT, Call, argument, command, only

KEY = argument("key", nargs="?", default="active", help="key id, or `active`")


def key_id(call: Call) -> str:
    if call.options.key != "active":
        return str(call.options.key)
    rows = [row for row in call.site.each("keys") if row["state"] == "active"]
    return str(only(rows, "active keys")["key_id"])


@command(
    "key list",
    "key epochs",
    columns=("epoch", "state", "key_id", "proof_how", "proof_at", "origin", "source_serial", "made_at"),
)
def keys(call: Call) -> Any:
    return list(call.site.each("keys"))


@command(
    "key rotate",
    "make a new key, lodge and drill its value, then activate it",
    argument("--reason", default="asked for"),
    NO_WAIT,
)
def rotate(call: Call) -> Any:
    return call.follow(call.site.post("keys/rotate", {"reason": call.options.reason}), "rotation")


@command("key value", "the escrow value of a key: an identifier, not a credential", KEY)
def value(call: Call) -> Any:
    answer = call.site.post(f"keys/{key_id(call)}/value")
    return answer if call.options.json else "\n".join(answer["values"])


@command(
    "key sheet",
    "the value on paper: a PDF, or its lines as they are typed",
    KEY,
    argument("file", type=Path, nargs="?", help="the PDF to write; without it the lines are printed"),
)
def sheet(call: Call) -> Any:
    address, path = f"keys/{key_id(call)}/value/sheet", call.options.file
    if path is None:
        sheets = call.site.post(address)
        return sheets if call.options.json else "\n".join(made["typed"] for made in sheets)
    path.write_bytes(call.site.request("POST", f"{address}.pdf").content)
    return {"file": str(path), "size": path.stat().st_size}


@command(
    "key held",
    "give the digest of the downloaded value back: somebody besides the unit holds it",
    argument("key", help="key id"),
    argument("file", type=Path, help="the downloaded value"),
    NO_WAIT,
)
def held(call: Call) -> Any:
    from sealing import jose
    from sealing.encoding import normalise_pasted

    digest = jose.digest(normalise_pasted(text_of(call.options.file)))
    return call.follow(call.site.post(f"keys/{call.options.key}/held", {"digest": digest}), "value held")


@command("key drill", "prove at the desk that the value still opens", KEY, NO_WAIT)
def drill(call: Call) -> Any:
    return call.follow(call.site.post(f"keys/{key_id(call)}/drill"), "drill")


@command(
    "key waive", "go on without a drill, marked as such", argument("key"), argument("--why", required=True)
)
def waive(call: Call) -> Any:
    return call.site.post(f"keys/{call.options.key}/waiver", {"why": call.options.why})
