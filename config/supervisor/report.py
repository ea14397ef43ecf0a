"""What ``make run`` prints: who may sign in where, and the journey in ten lines."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from config.supervisor.world import DESK, UNIT_A, UNIT_B, World


def print_accounts(console: Console, world: World) -> None:
    # A password cut short is none: the table is as wide as it needs to be.
    wide = Console(highlight=False, soft_wrap=True, width=max(console.width, 120))
    table = Table(title="Sites and accounts", title_justify="left", header_style="dim", pad_edge=False)
    for name in ("site", "address", "user", "password", "role"):
        table.add_column(name, no_wrap=True)
    for site in world.credentials.sites.values():
        for number, account in enumerate(site.accounts):
            first = number == 0
            table.add_row(
                site.name if first else "",
                site.url if first else "",
                account.user,
                account.password,
                account.role,
                end_section=number == len(site.accounts) - 1,
            )
    wide.print(table, markup=False)
    console.print(
        f"also in {world.credentials.path} (readable by you alone), with tokens for REST", markup=False
    )
    for path in sorted((world.root / "people").glob("*.pass")):
        key = path.with_suffix(".key")
        console.print(f"{path.stem} approves with {key}, passphrase {path.read_text()}", markup=False)
    console.print()


def print_journey(console: Console, world: World) -> None:
    """Ten lines that a person can follow without a manual."""
    a, desk, b = world.url(UNIT_A), world.url(DESK), world.url(UNIT_B)
    keys = world.root / "people"
    mail = world.sites[DESK].site.mail
    target = world.root / "target"
    lines = [
        f"{a}  sign in as the admin: the first page says whether this unit can be lost today.",
        f"{a}  Protection → Backups: start a backup to the target {target}, then verify the image.",
        f"{b}  sign in as the recovery operator: the wizard makes a transfer request.",
        f"{desk}  sign in as the contact: open a ticket with the header of the image ({target}).",
        f"{desk}  as the clerk: accept the ticket, reserve the unit that waits.",
        f"{desk}  as each approver: sign with the key file in {keys}, in the page or by `strongroom`.",
        f"{desk}  as the clerk: note the shipment; as the contact: confirm the receipt.",
        f"{b}  enter the code mailed to the contact ({mail}), connect the target, see the preview.",
        f"{b}  restore, with progress; then sign in with the accounts of the first unit and rotate the key.",
        f"{b}  back up and verify once; the ticket at {desk} then closes.",
    ]
    console.print("The journey:", markup=False)
    for number, line in enumerate(lines, 1):
        console.print(f" {number:2}. {line}", markup=False)
    console.print("\nCtrl-C stops everything.", markup=False)
