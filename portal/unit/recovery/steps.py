"""The steps of the recovery wizard, and where the unit stands among them.

Where it stands is read from the unit's own rows (its state, targets, transfer case, restore), never from a
session: so it survives a reload, a sign-out, another browser, and the switch to the restored accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.backup import selectors as backups
from appliance.recovery.selectors import current_restore, recovery_report, transfer_case
from appliance.unit.selectors import unit as this_unit

RUNNING = ("planned", "copying", "loading", "switching")


@dataclass(frozen=True)
class Step:
    """One step: `what` happens there, `who` moves next, and what comes `then`."""

    name: str
    label: str
    what: str
    who: str
    then: str


STEPS = (
    Step("start", "What this is",
         "You learn what will happen, and what you need at hand.",
         "Yours", "You connect the backup target."),
    Step("target", "Connect the target",
         "The unit looks at the storage that holds the backups. It writes nothing there.",
         "Yours, then the unit's", "You see which images are there."),
    Step("images", "Images and values",
         "The unit lists the images it finds and gathers the values that stand in their headers.",
         "Yours: hand the values to the desk", "This unit makes its transfer request."),
    Step("request", "Transfer request",
         "This unit signs a request that names its own device key. The key will be sealed to it alone.",
         "The unit's, then the desk's", "The desk approves, custody seals the key to this unit."),
    Step("transfer", "Install the transfer",
         "You enter the one-time code from the desk's mail, or load the transfer file.",
         "The desk's until the code is here, then yours", "The key is inside, and images can be opened."),
    Step("preview", "Choose and preview",
         "You choose an image and see what comes back, before anything changes.",
         "Yours", "You start the restore."),
    Step("restore", "Restore",
         "Content is copied back and every piece checked; then the database is switched, once.",
         "The unit's", "The restored accounts take over: sign in as you did on the lost unit."),
    Step("rotate", "A key of its own",
         "The recovered key has left custody, so nothing is sealed under it again: the unit makes a new one.",
         "Yours, then the unit's", "The first backup under the new key."),
    Step("finish", "First backup and close",
         "The first image is made and verified, the desk gets its report, and outbound work goes on.",
         "Yours, then the desk's", "The ticket closes. The unit is in service."),
)  # fmt: skip
NAMES = [step.name for step in STEPS]


@dataclass
class Standing:
    """Everything the wizard is decided by, read once for a request."""

    unit: Any
    targets: list[Any]
    ready: list[Any]
    case: Any
    restore: Any
    report: Any

    @property
    def reached(self) -> str:
        """The step whose turn it is."""
        match self.unit.state:
            case "blank":
                if not self.ready:
                    return "target" if self.targets else "start"
                if self.case is None:
                    return "images"
                return "transfer" if self.case.state in ("requested", "collected") else "request"
            case "keyed":
                running = self.restore is not None and self.restore.state in RUNNING
                return "restore" if running else "preview"
            case "restoring":
                return "restore"
            case "must_rotate":
                return "rotate"
            case _:
                return "finish"

    @property
    def begun(self) -> bool:
        """False on a unit in service that never was a replacement: there is nothing to recover here."""
        return self.unit.state in ("blank", "keyed", "restoring") or self.restore is not None

    @property
    def over(self) -> bool:
        return (
            self.unit.state == "in_service"
            and not self.unit.outbound_paused
            and (self.report is None or self.report.state == "delivered")
        )


def standing() -> Standing:
    targets = list(backups.targets().order_by("name"))
    return Standing(
        unit=this_unit(),
        targets=targets,
        ready=[target for target in targets if target.state == "ready"],
        case=transfer_case(),
        restore=current_restore(),
        report=recovery_report(),
    )


def furthest(now: Standing) -> int:
    """The last step that may be looked at: on a blank unit with a target, the request is open as well."""
    place = NAMES.index(now.reached)
    if now.unit.state == "blank":
        place = max(place, NAMES.index("request") if now.ready else NAMES.index("target"))
    if now.unit.state == "keyed":
        place = NAMES.index("restore")
    return place
