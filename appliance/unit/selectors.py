"""Reading the unit."""

from __future__ import annotations

from .errors import DeskNotSet, NotInitialised, WrongState
from .models import Unit


def unit_or_none() -> Unit | None:
    """The unit's row, if this site has an identity."""
    return Unit.objects.filter(only=True).first()


def unit() -> Unit:
    """The unit's row; `NotInitialised` if there is none."""
    found = unit_or_none()
    if found is None:
        raise NotInitialised()
    return found


def require_state(*states: str) -> Unit:
    """The unit, if it is in one of `states`; else `WrongState`."""
    found = unit()
    if found.state not in states:
        raise WrongState(state=found.state, wanted=sorted(str(state) for state in states))
    return found


def unit_with_desk() -> Unit:
    """The unit, if it knows a desk; else `DeskNotSet`."""
    found = unit()
    if not found.desk_url:
        raise DeskNotSet()
    return found


def is_outbound_allowed() -> bool:
    """False from a restore until an admin confirmed: schedules, notices and pruning ask this."""
    found = unit_or_none()
    return found is not None and not found.outbound_paused
