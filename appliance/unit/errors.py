"""Refusals of the unit room. Permanent codes."""

from __future__ import annotations

from ground.refusals import Refusal


class NotInitialised(Refusal):
    code = "unit.not-initialised"
    kind = "conflict"
    title = "This site is no unit yet: it has no identity."
    next_step = "Run factory_init with the bundle of the device authority."


class WrongState(Refusal):
    code = "unit.wrong-state"
    kind = "conflict"
    title = "The unit is not in a state in which this can be done."
    next_step = "Look at the unit's state and at the one move it offers."


class AlreadyInstalled(Refusal):
    code = "unit.already-installed"
    kind = "conflict"
    title = "This unit is in use; a first installation happens once, on a blank unit."
    next_step = "To take a lost unit's place, a blank unit and a transfer are needed."


class DeskNotSet(Refusal):
    code = "unit.desk-not-set"
    kind = "conflict"
    title = "No desk is set: this unit cannot reach the manufacturer by itself."
    next_step = "Set the desk's address in the settings, or carry documents as files."


class DeskAddressRefused(Refusal):
    code = "unit.desk-address-refused"
    kind = "invalid"
    title = "That address cannot be used for the desk."
    next_step = "Use the https address the manufacturer gave (plain http only on this machine)."


class DeskUnreachable(Refusal):
    code = "unit.desk-unreachable"
    kind = "unavailable"
    title = "The desk does not answer."
    next_step = "Check network and address; nothing is lost meanwhile, and documents can go as files."


class DeskRefused(Refusal):
    """`desk_code`, `desk_title` and `desk_next_step` in facts are the desk's own words."""

    code = "unit.desk-refused"
    kind = "conflict"
    title = "The desk refused."
    next_step = "Read the desk's reason in the facts; it says what to do."


class DeskAnswerRefused(Refusal):
    code = "unit.desk-answer-refused"
    kind = "unavailable"
    title = "The desk's answer makes no sense to this unit."
    next_step = "Check that the address is the desk's, and that both sides run matching releases."


class OutboundPaused(Refusal):
    code = "unit.outbound-paused"
    kind = "conflict"
    title = "Outbound work is paused since the restore."
    next_step = "An admin looks at what was restored and confirms outbound work."
