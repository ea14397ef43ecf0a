"""Refusals of tickets, approvals, shipments and collection."""

from __future__ import annotations

from ground.refusals import Refusal


class TicketMove(Refusal):
    code = "tickets.move-not-allowed"
    kind = "conflict"
    title = "This ticket is not in a state that allows this."
    next_step = "Load the ticket again; it shows whose move it is."


class TicketDuplicate(Refusal):
    code = "tickets.duplicate"
    kind = "conflict"
    title = "There is an open ticket for this unit already."
    next_step = "Follow the open ticket; its number is in the facts."


class TicketWithoutValue(Refusal):
    code = "tickets.no-value"
    kind = "invalid"
    title = "There is no escrow value in what was handed in."
    next_step = "Hand in a value, or the header file of any backup image of the unit."


class ContactMissing(Refusal):
    code = "tickets.no-contact"
    kind = "conflict"
    title = "There is no mail address to send the release code to."
    next_step = "Enter a contact address for the customer, then confirm the receipt again."


class TooManyValues(Refusal):
    code = "tickets.too-many-values"
    kind = "too-large"
    title = "One ticket recovers at most 64 values."
    next_step = "Hand in the values of the images you need first; the others can follow in another ticket."


class ReasonMissing(Refusal):
    code = "tickets.reason-missing"
    kind = "invalid"
    title = "A refusal needs a reason the customer can act on."
    next_step = "Say what is missing, and what the customer can do about it."


class RequestNotWaiting(Refusal):
    code = "tickets.request-not-waiting"
    kind = "conflict"
    title = "This unit does not wait for keys, or was joined to a ticket already."
    next_step = "Choose a unit in stock whose transfer request is waiting."


class DocumentMissing(Refusal):
    code = "tickets.no-document"
    kind = "conflict"
    title = "There is nothing to approve yet."
    next_step = "Reserve a replacement first; that makes the ticket document."


class OwnApproval(Refusal):
    code = "approvals.own-ticket"
    kind = "forbidden"
    title = "Who opened or edited a ticket cannot approve it."
    next_step = "Ask another approver."


class SecondApproval(Refusal):
    code = "approvals.same-person"
    kind = "conflict"
    title = "This person has approved this document already."
    next_step = "Two different people have to approve."


class NotOnRoster(Refusal):
    code = "approvals.not-on-roster"
    kind = "forbidden"
    title = "This signature is not by an approver of custody's roster."
    next_step = "Sign with the key that stands on the roster, or have a custodian add it."


class ApprovalByCustomer(Refusal):
    code = "approvals.of-the-customer"
    kind = "forbidden"
    title = "People of the customer cannot approve the customer's ticket."
    next_step = "Ask an approver of the manufacturer."


class OtherDocument(Refusal):
    code = "approvals.other-document"
    kind = "stale"
    title = "This signature is over another document than the ticket's present one."
    next_step = "Load the ticket document again, read it, and sign that."


class ShipmentIncomplete(Refusal):
    code = "tickets.shipment-incomplete"
    kind = "invalid"
    title = "A shipment needs a carrier and a tracking number."
    next_step = "Enter both; for a unit already on site say so as the carrier."


class TransferNotReleased(Refusal):
    """One answer for an unknown request, an unconfirmed receipt, a wrong code and a spent one."""

    code = "transfers.not-released"
    kind = "forbidden"
    title = "No transfer is released for this request and code."
    next_step = (
        "Confirm the receipt at the desk, then enter the code that was mailed; "
        "after five wrong ones ask for a new code."
    )


class CloseoutIncomplete(Refusal):
    code = "tickets.closeout-incomplete"
    kind = "conflict"
    title = "The recovery is not finished: the close-out list has open points."
    next_step = "Finish the open points; they are in the facts."


class SourceRevoked(Refusal):
    """Told to the owner only; to anybody else it is `documents.not-accepted`."""

    code = "tickets.source-revoked"
    kind = "forbidden"
    title = "What this unit signed is no longer accepted: its identity was revoked."
    next_step = "Talk to the desk: values of a stolen or tampered unit are not opened."


class SourceNotLost(Refusal):
    code = "tickets.unit-not-lost"
    kind = "conflict"
    title = "The unit these values belong to is not in a state that can be replaced."
    next_step = "Ask the desk what is on file for this unit."


class MixedAppliances(Refusal):
    code = "tickets.mixed-appliances"
    kind = "invalid"
    title = "These values belong to more than one appliance."
    next_step = "Open one ticket for each appliance."


class OtherUnit(Refusal):
    code = "tickets.other-unit"
    kind = "invalid"
    title = "These values belong to another unit than the one named."
    next_step = "Name the unit the facts show, or hand in a value of the one that was lost."
