"""Refusals of escrow. What depends on the registry is `registry.errors.NotAccepted` for everybody outside."""

from __future__ import annotations

from ground.refusals import Refusal


class HeadBackward(Refusal):
    code = "heads.backward"
    kind = "conflict"
    title = "A newer head of this target is lodged already."
    next_step = "Look at the target: it may have been rolled back."


class AnswerDiffers(Refusal):
    code = "custody.answer-differs"
    kind = "conflict"
    title = "This request was answered otherwise before."
    next_step = "Custody's first answer stands; look at both ledgers."


class AnswerRefused(Refusal):
    code = "custody.answer-refused"
    kind = "invalid"
    title = "This is no answer to that request."
    next_step = "Look at custody's log for what it meant to send."


class LedgerGap(Refusal):
    code = "ledger.gap"
    kind = "conflict"
    title = "This entry does not follow the ones that are here."
    next_step = "Send the entries in order, from the one after the last here."
