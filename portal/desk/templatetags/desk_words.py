"""Tags of the desk's pages: words for what custody's documents name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import template
from django.urls import reverse
from django.utils.html import format_html

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

register = template.Library()

TICKET = re.compile(r"^ticket ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")
# What each use of the authority list is for; docs/formats/authority-list.md has the uses.
PURPOSES = {
    "escrow": "Values are sealed to it; its private half is custody's alone.",
    "front-desk": "Signs the receipts of values and heads that were lodged, and countersigns the ledger.",
    "custody": "Signs transfers, drill proofs and the ledger of openings.",
    "device-authority": "Signs the identity of each unit at the factory.",
}


@register.filter
def subject(text: Any, tickets: Any) -> str | SafeString:
    """A ledger entry's subject; a ticket by its number and with its page, where this person may see it."""
    said = str(text)
    found = TICKET.match(said)
    number = tickets.get(found[1]) if found and tickets else None
    if not found or not number:
        return said
    return format_html(
        'ticket <a class="sr-textlink" href="{}">{}</a>{}',
        reverse("desk:ticket", args=[found[1]]), number, said[found.end() :],
    )  # fmt: skip


@register.filter
def purpose(use: Any) -> str:
    """What a key of the authority list is for."""
    return PURPOSES.get(str(use).replace("_", "-"), "")
