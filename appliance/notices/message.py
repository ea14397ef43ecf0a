"""What a notice says, for people (mail) and for programs (webhook). docs/notices.md describes both."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Final

from appliance.notices.models import Notice, NoticeDelivery
from appliance.unit.selectors import unit_or_none

TYPE: Final = "strongroom-notice"
VERSION: Final = 1
SIGNATURE_VERSION: Final = "v1"


def mail_subject(notice: Notice) -> str:
    """One line, naming the unit: a person may have many of them."""
    return f"[{_unit_name()}] {notice.subject}"


def mail_body(notice: Notice) -> str:
    """Subject, consequence, next step, and when."""
    lines = [notice.subject, ""]
    if notice.consequence:
        lines += [f"What it means: {notice.consequence}", ""]
    if notice.next_step:
        lines += [f"What to do: {notice.next_step}", ""]
    lines += [f"Unit: {_unit_name()}", f"First seen: {_time(notice.raised_at)}"]
    if notice.count > 1:
        lines += [f"Seen {notice.count} times, last: {_time(notice.last_at)}"]
    if code := notice.facts.get("code"):
        lines += [f"Code: {code}"]
    lines += [f"Notice: {notice.pk}"]
    return "\n".join(lines) + "\n"


def webhook_body(delivery: NoticeDelivery) -> bytes:
    """The body of one delivery: the same bytes for the same state of the notice."""
    notice, unit = delivery.notice, unit_or_none()
    body: dict[str, Any] = {
        "type": TYPE,
        "version": VERSION,
        "delivery": str(delivery.pk),
        "notice": str(notice.pk),
        "event": notice.event,
        "unit": {
            "serial": unit.serial if unit else "",
            "appliance": unit.appliance_name if unit else "",
        },
        "subject": notice.subject,
        "consequence": notice.consequence,
        "next_step": notice.next_step,
        "about": notice.about,
        "facts": notice.facts,
        "count": notice.count,
        "raised_at": notice.raised_at.isoformat(),
        "last_at": notice.last_at.isoformat(),
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def signature(secret: bytes, timestamp: int, body: bytes) -> str:
    """``v1=`` and the HMAC-SHA256 of version, timestamp and body, in hex."""
    signed = f"{SIGNATURE_VERSION}.{timestamp}.".encode() + body
    return f"{SIGNATURE_VERSION}={hmac.new(secret, signed, hashlib.sha256).hexdigest()}"


def _unit_name() -> str:
    unit = unit_or_none()
    if unit is None:
        return "Strongroom"
    return f"{unit.appliance_name} ({unit.serial})" if unit.appliance_name else unit.serial


def _time(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
