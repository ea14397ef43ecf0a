"""What the unit tells the layout: its navigation, who it is and in which state, what its finder finds."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse

from appliance.backup.selectors import images, targets
from appliance.catalog.selectors import images_for
from appliance.keys.selectors import epochs
from appliance.notices.selectors import unread_count
from appliance.unit.selectors import unit_or_none
from portal.shell.request import PageRequest
from portal.shell.site import Hit, Identity, NavGroup, NavItem, Side
from portal.shell.states import look

READERS = ("admin", "auditor")
ADMINS = ("admin",)
CONTENT = ("admin", "auditor", "member")
RECOVERERS = ("admin", "recovery-operator")
RECOVERY_STATES = ("blank", "keyed", "restoring", "must_rotate")

GROUPS = (
    NavGroup("Overview", (
        NavItem("Survival", "unit:survival", "heartbeat", READERS, "readiness can this unit be lost today"),
        NavItem("Finder", "unit:finder", "search", (), "identify value header digest paste"),
        NavItem("Tasks", "shell:jobs", "activity", (), "jobs progress"),
        NavItem("Event log", "shell:events", "list-details", READERS, "audit"),
    )),
    NavGroup("Catalog", (NavItem("Virtual images", "unit:images", "photo", CONTENT, "disk upload content"),)),
    NavGroup("Protection", (
        NavItem("Backups", "unit:backups", "archive", READERS, "images verify run"),
        NavItem("Coverage", "unit:coverage", "shield-check", READERS, "map which value opens which image"),
        NavItem("Targets", "unit:targets", "database", READERS, "directory s3 sftp storage copy"),
        NavItem("Storage", "unit:storage", "package", READERS, "store space garbage collect free"),
        NavItem("Schedules", "unit:schedules", "clock", READERS, "calendar runs missed nightly"),
        NavItem("Keys and values", "unit:keys", "key", READERS, "epoch rotate drill escrow"),
        NavItem("Restore", "unit:restore", "restore", RECOVERERS, "bring back"),
        NavItem("Recovery", "unit:recover", "history", RECOVERERS, "replacement transfer wizard"),
    )),
    NavGroup("System", (
        NavItem("People", "shell:people", "users", READERS, "accounts users roles"),
        NavItem("API tokens", "shell:tokens", "api", ()),
        NavItem("Notices", "unit:notices", "bell", READERS, "alerts channels mail webhook"),
        NavItem("Settings", "unit:settings", "settings", (*READERS, "recovery-operator"), "desk identity"),
    )),
)  # fmt: skip


def identity(request: HttpRequest) -> Identity:
    """Name, serial and state; the state only for people who are signed in."""
    unit = unit_or_none()
    if unit is None:
        return Identity("No identity yet", "", "Not initialised", "bad")
    name = unit.appliance_name or "Blank unit"
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return Identity(name, f"unit {unit.serial}")
    shown = look("unit", unit.state)
    note = "Outbound work is paused." if unit.outbound_paused else unit.customer_name
    return Identity(name, f"unit {unit.serial}", shown.word, shown.tone, note)


def door() -> str:
    """Said to strangers too: after a restore nobody could otherwise know whose accounts hold here now."""
    unit = unit_or_none()
    if unit is None:
        return ""
    if unit.state == "must_rotate":
        return (
            f"This unit came back from a backup of {unit.appliance_name}. Sign in with an account of the "
            "unit it replaces, and its password; the recovery operator's account has ended."
        )
    if unit.state in RECOVERY_STATES:
        return (
            "This unit is blank. Its recovery operator signs in here and brings a lost unit's content back."
        )
    return "This unit, for those who run it and use it. Tickets for a lost unit are opened at the desk."


def find(request: PageRequest, text: str) -> list[Hit]:
    """Virtual images by name, targets by name, backups and keys by the beginning of their id."""
    user = request.user
    hits = [
        Hit(image.name, reverse("unit:image", args=[image.pk]), "photo", "Virtual image")
        for image in images_for(user).filter(name__icontains=text)[:6]
    ]
    if user.has_role(*READERS):
        hits += [
            Hit(target.name, reverse("unit:target", args=[target.pk]), "database", "Target")
            for target in targets().filter(name__icontains=text)[:4]
        ]
        hits += [
            Hit(
                f"Image {row.sequence} of {row.serial}",
                reverse("unit:backup", args=[row.pk]),
                "archive",
                "Backup",
            )
            for row in images().filter(id__istartswith=text)[:4]
        ]
        hits += [
            Hit(f"Epoch {key.epoch}", reverse("unit:key", args=[key.key_id]), "key", "Key")
            for key in epochs().filter(key_id__istartswith=text)[:4]
        ]
    return hits


def unread(request: PageRequest) -> int | None:
    """How many notices this person has not read; None for those who are told nothing."""
    return unread_count(request.user) if request.user.has_role(*READERS) else None


SIDE = Side(
    groups=GROUPS,
    identity=identity,
    find=find,
    finder="unit:finder",
    unread=unread,
    notices="unit:notices",
    door=door,
)
