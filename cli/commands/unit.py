"""The unit itself: what it is, and whether it can be lost today."""

from __future__ import annotations

from typing import Any

from cli.registry import Call, argument, command


@command("unit show", "the unit this site is")
def show(call: Call) -> Any:
    return call.site.get("unit")


@command("readiness", "can this unit be lost today? each link of the chain, dated")
def readiness(call: Call) -> Any:
    answer = call.site.get("readiness")
    if call.options.json:
        return answer
    call.output.note(f"answer: {answer['answer']}")
    return answer["links"]


@command("unit desk", "set the address of the manufacturer's desk", argument("url"))
def desk(call: Call) -> Any:
    return call.site.put("settings", {"desk_url": call.options.url})


@command("unit outbound", "let outbound work go on after a restore")
def outbound(call: Call) -> Any:
    return call.site.post("unit/outbound")
