"""What ``make run`` prints: who signs in where and for what, and the journey in ten lines."""

from __future__ import annotations

from rich.console import Console

from config.supervisor.world import DESK, UNIT_A, UNIT_B, World

SITES = {
    UNIT_A: "the unit that works, and will be lost",
    DESK: "the manufacturer's desk, with custody behind it",
    UNIT_B: "the blank replacement",
}
# What a role does on its site, in the words of the journey below.
DUTIES = {
    "admin": "backs up, sees whether the unit can be lost",
    "contact": "for the customer; opens the ticket, confirms the receipt",
    "clerk": "accepts, reserves the replacement, ships, closes",
    "approver": "reads the ticket document and signs it",
    "custodian": "looks after people and custody; has no part in the ticket",
    "recovery-operator": "asks for the key, restores; sees no content",
}
ORDER = tuple(DUTIES)


def print_accounts(console: Console, world: World) -> None:
    """A block a site, an account a line: whole at eighty columns, so that no password is cut."""

    def say(text: str) -> None:
        console.print(text, markup=False)

    say("Who signs in where")
    for name, what in SITES.items():
        site = world.credentials.sites.get(name)
        if site is None or name not in world.living():
            say(f"\n  {name}  lost for good")
            continue
        told = "the replacement, with the content of the lost unit" if _recovered(world, name) else what
        say(f"\n  {name}  {site.url}  {told}")
        for account in sorted(site.accounts, key=lambda one: ORDER.index(_role(one.role))):
            role = _role(account.role)
            say(f"    {account.user:<8} {account.password:<21} {role} · {DUTIES[role]}")
            secret = world.root / "people" / f"{account.user}.pass"
            if role == "approver" and secret.is_file():
                say(f"             signs with {secret.with_suffix('.key')}")
                say(f"             passphrase {secret.read_text()}")
    say(f"\n  All of it, with tokens for REST: {world.credentials.path} (readable by you alone).\n")


def _recovered(world: World, name: str) -> bool:
    """Whether the replacement has the lost unit's accounts by now."""
    site = world.credentials.sites.get(UNIT_B)
    return name == UNIT_B and site is not None and any(_role(one.role) == "admin" for one in site.accounts)


def _role(roles: str) -> str:
    return next((role for role in ORDER if role in roles.split(",")), ORDER[0])


def print_journey(console: Console, world: World, *, can_lose: bool) -> None:
    """Ten lines that a person can follow without a manual; each page says what comes next."""
    if _recovered(world, UNIT_B):
        console.print(f"The journey was made. To make it again, stop and remove {world.root}.", markup=False)
        return
    a, desk, b = world.url(UNIT_A), world.url(DESK), world.url(UNIT_B)
    lose = (
        "type “lose” and Enter here, and unit-a is ended with everything on it"
        if can_lose
        else "imagine it gone (started from a terminal, “lose” typed here would end it)"
    )
    lines = [
        f"alice, {a}: the first page says whether this unit can be lost today. It cannot.",
        "alice: follow its one button, make a backup, and look again. Now it can.",
        f"The unit dies: {lose}.",
        f"rescue, {b}: connect the target {world.root / 'target'}; copy the text of values.",
        f"carl, {desk}: open a ticket and paste that text.",
        "rescue: make the transfer request. clara: accept the ticket, reserve the unit that waits.",
        "ada, then grace: read the document, choose the key file, sign. Custody does its part by itself.",
        "clara: ship. carl: confirm the receipt; a one-time code goes out by mail (it is shown here too).",
        f"rescue, {b}: enter the code, see the preview, restore.",
        "alice, on the replacement: rotate the key, back up, let it go on. clara: close the ticket.",
    ]
    console.print("The journey, some minutes", markup=False)
    for number, line in enumerate(lines, 1):
        console.print(f" {number:2}. {line}", markup=False)
    console.print(
        "\nThe sites do not disturb each other in one browser; for two people of the desk at a time use a\n"
        "private window. Each page says whose move it is and where. The same by command: "
        ".venv/bin/strongroom --help\nCtrl-C stops everything.",
        markup=False,
    )
