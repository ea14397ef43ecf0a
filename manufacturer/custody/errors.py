"""Why custody does not believe: for its own log and its custodians.

The desk gets one answer for all of it.
"""

from __future__ import annotations

from ground.refusals import Refusal


class NotBelieved(Exception):
    """A request is not to be acted on. `reason` is dotted and permanent; it never leaves custody's store."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class CustodyLocked(Refusal):
    code = "custody.locked"
    kind = "unavailable"
    title = "Custody's keys are locked."
    next_step = "Run `manage.py custody_unlock` on custody's machine, or place the passphrase file."


class NotACustodian(Refusal):
    code = "custody.not-a-custodian"
    kind = "forbidden"
    title = "This key is not an active custodian's of the roster."
    next_step = "Use the key of a custodian who stands on the roster."


class CeremonyDone(Refusal):
    code = "custody.ceremony-done"
    kind = "conflict"
    title = "This folder holds a ceremony's keys already."
    next_step = "Choose an empty folder; a ceremony is never repeated over another."


class PassphraseUnsafe(Refusal):
    code = "custody.passphrase-unsafe"
    kind = "invalid"
    title = "The passphrase file can be read by others, or is empty."
    next_step = "Give it mode 0600 and at least 12 characters."


class FactoryRequestRefused(Refusal):
    code = "custody.factory-request-refused"
    kind = "invalid"
    title = "This request does not show an identity worth signing."
    next_step = "Make the request again on the unit."


class RosterRefused(Refusal):
    code = "custody.roster-refused"
    kind = "invalid"
    title = "This roster does not follow the one in force, or its signer may not make it."
    next_step = "Export the roster in force, change that, and have a custodian sign it."
