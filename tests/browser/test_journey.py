"""The journey clicked in a browser through three living sites: back up, lose, ask, approve, restore, close.

Nothing is done by REST or command but making the disks, ending the first unit and comparing the bytes. Every
page of the world it leaves behind is then looked at as somebody meets it who cannot see it well.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from config.demo.journey import DESK, UNIT_A, UNIT_B, Brought, Journey
from config.disks import Disk
from config.supervisor.world import World
from tests.support.accessibility import AXE, Inspector
from tests.support.browsing import Visitor
from tests.support.worlds import small_disks

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

Visit = Callable[..., Visitor]


needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="axe-core of package.json is not installed: npm ci")


@pytest.fixture(scope="module")
def inspector() -> Inspector:
    return Inspector()


@needs_axe
def test_no_page_of_a_blank_unit_breaks_a_rule_of_wcag(inspector: Inspector, visit: Visit) -> None:
    assert list(inspector.faults(visit(UNIT_B, "recovery-operator"))) == []
    assert len(inspector.seen) > 5


def test_a_lost_unit_comes_back_by_clicks_alone(world: World, visit: Visit, tmp_path: Path) -> None:
    disk = small_disks(tmp_path)[0]
    image = _back_up(visit(UNIT_A, "admin"), disk)
    world.stop_site(UNIT_A)
    shutil.rmtree(world.root / UNIT_A)

    operator = visit(UNIT_B, "recovery-operator")
    values = _find_values(operator, world.root / "target")
    contact = visit(DESK, "contact")
    ticket = _open_ticket(contact, values, world.serial(UNIT_A), tmp_path)
    _ask_for_the_key(operator)

    clerk = visit(DESK, "clerk")
    clerk.go(ticket)
    clerk.press("Accept the ticket")
    clerk.press("Reserve this unit")
    clerk.sees("Sign the ticket document: 0 of 2 signatures are there.")
    for name in ("ada", "grace"):
        _approve(visit(DESK, "approver", name), ticket, world.root / "people")
    _ship(clerk, ticket)
    code = _receive(contact, ticket, Journey(world))

    _install(operator, code)
    _restore(operator)

    admin = visit(UNIT_B, "admin", known_at=UNIT_A)
    _rotate_and_back_up(admin)
    assert Journey(world).compare(UNIT_B, Brought(disk.path, image, disk.name, "", disk.path.stat().st_size))

    clerk.go(ticket)
    clerk.press("Close the ticket")
    clerk.agree()
    clerk.sees("Closed: restored, rotated, backed up again")
    admin.go("/survival/")
    admin.sees("Yes. If this unit is lost now, its content comes back.")


@needs_axe
def test_no_page_after_it_breaks_a_rule_of_wcag(inspector: Inspector, visit: Visit) -> None:
    """In the world that the journey leaves behind: full pages."""
    people = [visit(DESK, role) for role in ("clerk", "contact", "custodian")]
    people.append(visit(UNIT_B, "admin", known_at=UNIT_A))
    assert [fault for person in people for fault in inspector.faults(person)] == []
    assert len(inspector.seen) > len(people) * 5


def _back_up(admin: Visitor, disk: Disk) -> str:
    admin.sees("No. If this unit is lost now, content is lost with it.")
    admin.go("/images/")
    admin.page.set_input_files("#upload-file", disk.path)
    admin.page.wait_for_url("**/images/*-*/")
    admin.sees("Sealed")
    image = admin.page.url.rstrip("/").rpartition("/")[2]
    admin.go("/backups/")
    admin.press("Back up")
    admin.sees("Done")
    admin.go("/survival/")
    admin.sees("Yes. If this unit is lost now, its content comes back.")
    return image


def _find_values(operator: Visitor, target: Path) -> str:
    operator.sees("is blank")
    operator.follow("It replaces a lost unit: begin")
    operator.page.fill("#id_name", "shelf")
    operator.page.fill("#id_path", str(target))
    operator.press("Connect it")
    operator.sees_link("See what was found")
    operator.follow("See what was found")
    operator.sees("One value opens everything found here.")
    return operator.page.inner_text("#sheet")


def _open_ticket(contact: Visitor, values: str, serial: str, folder: Path) -> str:
    """In four steps, with a mistake, a sign-out and a reload in between."""
    contact.follow("Open a ticket")
    contact.page.get_by_text(serial).click()
    contact.press("Next")
    contact.page.get_by_text("It failed").click()
    contact.page.fill("#id_story", "The rack burnt.")
    contact.press("Next")
    contact.page.fill("#id_text", values.replace("A", "B", 1))
    contact.press("Next")
    contact.sees("This is not a value of your unit as it stands.")
    contact.page.context.clear_cookies()
    contact.sign_in()
    contact.sees("You have begun a ticket.")
    contact.go("/tickets/new/")
    file = folder / "values.txt"
    file.write_text(values, encoding="utf-8")
    contact.page.set_input_files("input[data-read-into]", file)
    expect(contact.page.locator("#id_text")).not_to_have_value("")
    contact.press("Next")
    contact.sees(serial)
    contact.page.reload()
    contact.press("Open the ticket")
    contact.sees("The desk: Accept the ticket, or refuse it with a reason.")
    return contact.page.url.removeprefix(contact.url)


def _ask_for_the_key(operator: Visitor) -> None:
    operator.page.reload()
    operator.follow("The values are handed in")
    operator.press("Make the request")
    operator.sees_link("I have the code or the file")


def _approve(approver: Visitor, ticket: str, people: Path) -> None:
    """The key file and its passphrase go into the page, and nothing but a signature leaves it."""
    sent: list[str] = []
    passphrase = (people / f"{approver.user}.pass").read_text(encoding="utf-8").strip()
    key = (people / f"{approver.user}.key").read_text(encoding="utf-8")
    approver.page.on("request", lambda request: sent.append(f"{request.url} {request.post_data or ''}"))
    approver.go(f"{ticket}approve/")
    approver.page.check("#read")
    approver.page.set_input_files("#key-file", people / f"{approver.user}.key")
    approver.page.fill("#passphrase", "not the passphrase")
    approver.press("Sign in this browser")
    approver.sees("The passphrase does not open this key file.")
    approver.page.fill("#passphrase", passphrase)
    approver.press("Sign in this browser")
    approver.sees(f"{approver.user} approved")
    posted = "\n".join(sent)
    assert "approval=" in posted
    assert passphrase not in posted
    assert key.partition('"sealed":"')[2][:40] not in posted


def _ship(clerk: Visitor, ticket: str) -> None:
    clerk.go(ticket)
    clerk.sees("Ship the replacement.")
    clerk.page.fill("#id_carrier", "Alpine Post")
    clerk.page.fill("#id_tracking", "AP-42")
    clerk.press("Shipped")
    clerk.sees("Confirm that the replacement arrived.")


def _receive(contact: Visitor, ticket: str, journey: Journey) -> str:
    known = journey._mails()
    contact.go(ticket)
    contact.press("The replacement arrived")
    contact.agree()
    contact.sees("Enter the one-time code from the mail")
    return journey.mailed_code(known)


def _install(operator: Visitor, code: str) -> None:
    operator.go("/recover/transfer/")
    operator.page.fill("#id_code", "AAAA-BBBB-CCCC")
    operator.press("Fetch and install")
    operator.sees("No transfer is released for this request and code.")
    operator.page.fill("#id_code", code.lower())
    operator.press("Fetch and install")
    operator.sees_link("Choose an image")


def _restore(operator: Visitor) -> None:
    operator.follow("Choose an image")
    operator.press("Read what is in it")
    operator.sees_button("Read the manifest again")
    operator.press("Restore")
    operator.agree()
    expect(operator.page.locator("#id_login")).to_be_visible(timeout=90_000)


def _rotate_and_back_up(admin: Visitor) -> None:
    admin.sees("Make a key of its own")
    admin.press("Rotate the key")
    admin.sees("The unit has a key of its own.")
    admin.go("/recover/")
    admin.sees_button("Back up onto")
    admin.press("Back up onto")
    admin.sees("The desk has the evidence and can close the ticket.")
    admin.press("Let it go on")
    admin.agree()
    admin.sees("The recovery is complete.")
