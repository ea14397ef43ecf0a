"""Which roles there are on either side, and what each is for."""

from __future__ import annotations

from django.conf import settings

APPLIANCE_ROLES = {
    "admin": "runs the unit: targets, backups, keys, people",
    "auditor": "reads everything but content, changes nothing",
    "member": "uses virtual images",
    "recovery-operator": "brings a blank unit back; no access to content",
}
DESK_ROLES = {
    "clerk": "takes tickets, ships units",
    "approver": "approves tickets with a key of their own",
    "custodian": "looks after custody, roster and authority keys",
    "contact": "a customer's person: sees that customer only",
    "auditor": "reads everything, changes nothing",
}


def roles_here() -> dict[str, str]:
    """The roles of this site, with their purpose."""
    return DESK_ROLES if settings.STRONGROOM_ROLE == "manufacturer" else APPLIANCE_ROLES


def administrators() -> tuple[str, ...]:
    """The roles that look after people on this site."""
    return ("custodian",) if settings.STRONGROOM_ROLE == "manufacturer" else ("admin",)
