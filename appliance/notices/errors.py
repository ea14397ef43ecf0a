"""What the notices room refuses. One class for each permanent code."""

from __future__ import annotations

from typing import ClassVar

from ground.refusals import Kind, Refusal


class NoticeRefusal(Refusal):
    """Root of everything about notices that is refused."""

    code = "notices.refused"
    kind: ClassVar[Kind] = "invalid"
    title = "This was refused."


class BadChannel(NoticeRefusal):
    """`field` and `why` in facts."""

    code = "notices.bad-channel"
    title = "The channel's settings cannot be right."
    next_step = "Correct the setting named: mail needs addresses, a webhook an https address."


class ChannelNameTaken(NoticeRefusal):
    code = "notices.name-taken"
    kind: ClassVar[Kind] = "conflict"
    title = "A channel of this name exists."
    next_step = "Choose another name."


class NoSecret(NoticeRefusal):
    """A webhook without one (mail has none, and needs none)."""

    code = "notices.no-secret"
    kind: ClassVar[Kind] = "conflict"
    title = "This channel has no secret to sign with."
    next_step = "Make a new secret for the webhook and give it to the receiver."


class MailNotTaken(NoticeRefusal):
    code = "notices.mail-not-taken"
    kind: ClassVar[Kind] = "unavailable"
    title = "The mail server did not take the message."
    next_step = "Check the mail server's address and account; the message is sent again by itself."


class ReceiverUnreachable(NoticeRefusal):
    code = "notices.receiver-unreachable"
    kind: ClassVar[Kind] = "unavailable"
    title = "The webhook's receiver does not answer."
    next_step = "Check address, certificate and network; the notice is sent again by itself."


class ReceiverRefused(NoticeRefusal):
    """`status` in facts. Redirects are refusals: only the address that was checked is called."""

    code = "notices.receiver-refused"
    kind: ClassVar[Kind] = "unavailable"
    title = "The webhook's receiver did not take the notice."
    next_step = "Look at the receiver: it must answer 2xx itself, without a redirect."
