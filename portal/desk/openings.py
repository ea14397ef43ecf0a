"""The ledger's entries beside the desk's own things: the numbers of the tickets they name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from manufacturer.rma.selectors import tickets_for
from portal.desk.templatetags.desk_words import TICKET

if TYPE_CHECKING:
    from accounts.models import User
    from manufacturer.escrow.models import LedgerEntry


def numbers_in(user: User, entries: Iterable[LedgerEntry]) -> dict[str, str]:
    """Ticket id → number, of those tickets in the entries' subjects that this person may see."""
    named = {found[1] for entry in entries if (found := TICKET.match(entry.subject))}
    return {
        str(pk): number for pk, number in tickets_for(user).filter(pk__in=named).values_list("pk", "number")
    }
