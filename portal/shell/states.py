"""How each state of each thing looks: tone (colour and shape), icon and word, in one table.

Tones, worst first: bad, warn, info (in motion), ok, idle. A group shows its worst member.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

TONES = ("bad", "warn", "info", "ok", "idle")


@dataclass(frozen=True)
class Look:
    tone: str
    icon: str
    word: str


def _ok(word: str, icon: str = "circle-check") -> Look:
    return Look("ok", icon, word)


def _warn(word: str, icon: str = "alert-triangle") -> Look:
    return Look("warn", icon, word)


def _bad(word: str, icon: str = "alert-octagon") -> Look:
    return Look("bad", icon, word)


def _move(word: str, icon: str = "activity") -> Look:
    return Look("info", icon, word)


def _idle(word: str, icon: str = "circle-dashed") -> Look:
    return Look("idle", icon, word)


LOOKS: dict[str, dict[str, Look]] = {
    "job": {
        "queued": _idle("Queued", "hourglass"),
        "running": _move("Running"),
        "cancelling": _warn("Cancelling", "hourglass"),
        "done": _ok("Done"),
        "failed": _bad("Failed"),
        "cancelled": _idle("Cancelled", "ban"),
    },
    "key": {
        "pre_activation": _move("Pre-activation", "hourglass"),
        "active": _ok("Active", "key"),
        "deactivated": _idle("Deactivated", "lock"),
        "compromised": _bad("Compromised", "lock-open"),
        "destroyed": _idle("Destroyed", "trash"),
    },
    "image": {
        "writing": _move("Writing"),
        "abandoned": _idle("Not finished", "ban"),
        "committed": _warn("Not verified yet", "shield-half"),
        "verified": _ok("Verified", "shield-check"),
        "damaged": _bad("Damaged", "shield-x"),
        "expired": _warn("Marked to go", "clock"),
        "deleted": _idle("Deleted", "trash"),
    },
    "target": {
        "new": _idle("Not connected yet"),
        "ready": _ok("Ready"),
        "refused": _bad("Not usable"),
    },
    "virtual_image": {
        "receiving": _move("Receiving", "upload"),
        "waiting": _idle("Waiting to be sealed", "hourglass"),
        "sealing": _move("Sealing", "lock"),
        "ready": _ok("Sealed", "lock"),
        "failed": _bad("Failed"),
    },
    "unit": {
        "blank": _idle("Blank"),
        "keyed": _move("Keyed", "key"),
        "restoring": _move("Restoring", "restore"),
        "must_rotate": _warn("Must rotate", "rotate-clockwise"),
        "in_service": _ok("In service"),
        "standby": _idle("Standby", "player-pause"),
        "shadow": _idle("Shadow"),
        "manufactured": _idle("Manufactured", "cpu"),
        "in_stock": _idle("In stock", "package"),
        "reserved": _move("Reserved", "flag"),
        "shipped": _move("Shipped", "truck"),
        "failed": _bad("Failed"),
        "tampered": _bad("Tampered", "shield-x"),
        "stolen": _bad("Stolen", "shield-x"),
        "under_repair": _warn("Under repair", "settings"),
        "returned": _idle("Returned", "package"),
        "retired": _idle("Retired", "archive"),
    },
    "ticket": {
        "submitted": _warn("Submitted", "ticket"),
        "accepted": _move("Accepted", "checklist"),
        "approved": _move("Approved", "signature"),
        "ready": _move("Ready to ship", "package"),
        "shipped": _move("Shipped", "truck"),
        "installed": _move("Installed", "key"),
        "restored": _ok("Restored", "restore"),
        "closed": _ok("Closed", "circle-check"),
        "refused": _bad("Refused", "ban"),
        "cancelled": _idle("Cancelled", "ban"),
    },
    "transfer_case": {
        "requested": _move("Requested", "hourglass"),
        "collected": _move("Collected", "download"),
        "installed": _ok("Installed", "key"),
        "reported": _ok("Reported"),
        "superseded": _idle("Superseded", "ban"),
    },
    "transfer_request": {
        "waiting": _move("Waiting for a ticket", "hourglass"),
        "joined": _ok("Joined to a ticket", "link"),
        "used": _idle("Used"),
        "void": _idle("Void", "ban"),
        "superseded": _idle("Superseded", "ban"),
    },
    "restore": {
        "planned": _idle("Planned"),
        "copying": _move("Copying and checking"),
        "loading": _move("Loading the database"),
        "switching": _move("Switching over"),
        "done": _ok("Done"),
        "failed": _bad("Failed"),
        "cancelled": _idle("Cancelled", "ban"),
    },
    "report": {
        "due": _idle("Due", "hourglass"),
        "signed": _move("Signed", "signature"),
        "delivered": _ok("Delivered"),
    },
    "drill": {
        "asked": _move("Asked", "hourglass"),
        "waiting": _move("Waiting", "hourglass"),
        "proven": _ok("Proven", "test-pipe"),
        "failed": _bad("Failed"),
        "refused": _bad("Refused"),
        "given_up": _idle("Given up", "ban"),
    },
    "proof": {
        "drilled": _ok("Drilled", "test-pipe"),
        "waived": _warn("Waived"),
        "": _bad("Not proven"),
    },
    "link": {
        "green": _ok("Holds"),
        "amber": _warn("Weak"),
        "red": _bad("Broken", "link-off"),
    },
    "cover": {
        "green": _ok("Opens", "shield-check"),
        "amber": _warn("Opens, weakly", "shield-half"),
        "red": _bad("Not covered", "shield-x"),
    },
    "authority": {
        "active": _ok("In force", "certificate"),
        "retired": _warn("Retired", "certificate"),
        "revoked": _bad("Revoked", "ban"),
        "unknown": _bad("Not in the list", "link-off"),
    },
    "occurrence": {
        "waiting": _idle("Waiting", "hourglass"),
        "started": _move("Started"),
        "done": _ok("Done"),
        "failed": _bad("Failed"),
        "cancelled": _idle("Cancelled", "ban"),
        "missed": _bad("Did not happen", "clock"),
        "refused": _bad("Refused", "ban"),
    },
    "delivery": {
        "waiting": _idle("Waiting", "hourglass"),
        "sending": _move("Being sent", "mail"),
        "sent": _ok("Sent", "mail"),
        "given_up": _bad("Given up", "ban"),
    },
    "notice": {
        "failure": _bad("Failure"),
        "damage": _bad("Damage", "shield-x"),
        "missed": _warn("Did not happen", "clock"),
        "recovery": _ok("Over"),
        "test": _idle("Test", "test-pipe"),
    },
    "opening": {
        "recover": _move("Recovery", "restore"),
        "drill": _idle("Drill", "test-pipe"),
        "void": _warn("Transfer voided", "ban"),
        "bar": _warn("Barred", "ban"),
        "release": _warn("Bar lifted", "lock-open"),
        "roster": _idle("Roster", "users"),
        "scan": _idle("Scan", "search"),
    },
    "phase": {
        "intent": _move("Intent", "flag"),
        "result": _ok("Result", "check"),
    },
    "outcome": {
        "done": _ok("Done", "check"),
        "intent": _move("Intent", "flag"),
        "refused": _bad("Refused", "ban"),
    },
}


def look(kind: str, state: object) -> Look:
    """The look of a state; an unknown one is shown as it is written, never hidden."""
    word = "" if state is None else str(getattr(state, "value", state))
    known = LOOKS.get(kind, {})
    found = known.get(word) or known.get(word.replace("-", "_"))
    return found or Look(
        "idle", "circle-dot", word.replace("_", " ").replace("-", " ").capitalize() or "Unknown"
    )


def worst(tones: Iterable[str]) -> str:
    """The worst of several tones; `idle` when there is none."""
    order = {tone: place for place, tone in enumerate(TONES)}
    return min(tones, key=lambda tone: order.get(tone, len(TONES)), default="idle")
