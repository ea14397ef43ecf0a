"""Refusals of this room's web side and jobs; those of the key process are in `errors`."""

from __future__ import annotations

from .errors import KeyRefusal


class DrillUnanswered(KeyRefusal):
    code = "keys.drill-unanswered"
    kind = "unavailable"
    title = "Custody has not answered the drill yet. The new key waits; the old one goes on protecting."
    next_step = "Start the rotation again later; it goes on where it stopped. Admins may waive the drill."


class DrillRefusedByDesk(KeyRefusal):
    code = "keys.drill-refused"
    kind = "conflict"
    title = "The desk or custody refused the drill: the value could not be opened there."
    next_step = "Tell the manufacturer. The key was not activated; the old one goes on protecting."


class NothingPending(KeyRefusal):
    code = "keys.nothing-pending"
    kind = "conflict"
    title = "No key waits for activation."
    next_step = "Start a rotation first."


class NoValue(KeyRefusal):
    code = "keys.no-value"
    kind = "missing"
    title = "There is no value for that key yet."
    next_step = "Start a rotation; the value is sealed in its course."


class AlreadyWaived(KeyRefusal):
    code = "keys.already-waived"
    kind = "conflict"
    title = "You have waived this drill already."
    next_step = "A second admin has to say so too."
