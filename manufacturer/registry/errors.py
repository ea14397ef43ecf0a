"""Refusals of the registry, and of documents that arrive at the desk."""

from __future__ import annotations

from ground.refusals import Refusal


class DocumentRefused(Refusal):
    """The text of a document shows by itself what is wrong; `fault` names layer and reason."""

    code = "documents.refused"
    kind = "invalid"
    title = "This document cannot be accepted as it stands."
    next_step = "Take the document again from where it was made, unaltered, and send it whole."


class NotAccepted(Refusal):
    """The one answer to outsiders for whatever depends on the registry or on a key."""

    code = "documents.not-accepted"
    kind = "forbidden"
    title = "This cannot be accepted here."
    next_step = "If the unit is yours, ask the manufacturer's desk to look at it with you."


class CeremonyMissing(Refusal):
    code = "desk.no-ceremony"
    kind = "unavailable"
    title = "This desk has not been given its keys yet."
    next_step = "Run the ceremony, then import its public bundle with `manage.py import_ceremony`."


class TrustOlder(Refusal):
    code = "desk.trust-older"
    kind = "conflict"
    title = "This bundle is older than the one in use."
    next_step = "Import the newest bundle of the ceremony folder."


class UnitKnown(Refusal):
    code = "units.already-enrolled"
    kind = "conflict"
    title = "A unit with this serial number or identity is enrolled already."
    next_step = "Look the unit up by its serial number."


class UnitMove(Refusal):
    code = "units.move-not-allowed"
    kind = "conflict"
    title = "A unit in this state cannot become that."
    next_step = "Look at the unit's state; the allowed next states are in the facts."


class OwnerMismatch(Refusal):
    code = "units.owner-mismatch"
    kind = "conflict"
    title = "This appliance belongs to another customer."
    next_step = "Choose an appliance of the same customer."


class IdentityWithdrawn(Refusal):
    code = "units.identity-withdrawn"
    kind = "conflict"
    title = "The identity of this unit was withdrawn already."
    next_step = "Nothing needs doing; the unit's page shows when and why."


class ReferenceTaken(Refusal):
    code = "customers.reference-taken"
    kind = "conflict"
    title = "Another customer has this reference."
    next_step = "Choose another reference, or use the existing customer."
