"""One attempt at one delivery."""

from __future__ import annotations

from typing import Any

from appliance.notices import dispatch
from appliance.notices.engine.webhook import send_webhook
from appliance.notices.mail import send_mail
from appliance.notices.models import NoticeChannel, NoticeDelivery
from ground.refusals import Refusal
from jobs.handlers import JobContext


def deliver(ctx: JobContext) -> dict[str, Any]:
    """The handler of `notices.deliver`. A refusal is the delivery's, which is tried again; the job did its
    work: it made one attempt and wrote down what came of it."""
    delivery = dispatch.claimed(str(ctx.params["delivery"]), int(ctx.params["attempt"]))
    if delivery is None:
        return {"sent": False, "why": "another attempt stands for it"}
    refusal = attempt(delivery)
    dispatch.settle(delivery, refusal)
    return {"sent": refusal is None, **({"code": refusal.code} if refusal else {})}


def attempt(delivery: NoticeDelivery) -> Refusal | None:
    """Send it; the refusal if it did not arrive."""
    send = send_mail if delivery.channel.kind == NoticeChannel.Kind.MAIL else send_webhook
    try:
        send(delivery)
    except Refusal as refusal:
        return refusal
    return None
