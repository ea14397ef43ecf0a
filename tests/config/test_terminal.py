"""What the terminal of ``make run`` shows and does while everything runs."""

from __future__ import annotations

import io
import json
import queue
from pathlib import Path

import pytest
from rich.console import Console

from config.supervisor.credentials import Account
from config.supervisor.report import print_accounts, print_journey
from config.supervisor.terminal import END, Mailbox, listen, lose_unit
from config.supervisor.world import DESK, UNIT_A, UNIT_B, World

MAIL = f"""\
Content-Type: text/plain; charset="utf-8"
Subject: Ticket RMA-1: release code
To: contact@harbour.example

Enter this code:

    CF63-APJH-BZP0

{END}
"""


def test_a_mail_is_shown_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    (tmp_path / "old.log").write_text(MAIL)
    box = Mailbox(tmp_path)
    assert box.new() == []
    late = tmp_path / "new.log"
    late.write_text(MAIL[:60])
    assert box.new() == []
    late.write_text(MAIL)
    assert box.new() == [
        "mail to contact@harbour.example: Ticket RMA-1: release code\n"
        "    Enter this code:\n    CF63-APJH-BZP0"
    ]
    assert box.new() == []


def test_a_lost_unit_is_gone_with_its_directory_and_is_not_started_again(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        content = world.sites[UNIT_A].root / "vault"
        content.mkdir(parents=True)
        assert "gone for good" in lose_unit(world)
        assert not content.parent.exists()
        assert UNIT_A not in world.living()
        assert "lost already" in lose_unit(world)
    assert UNIT_A in json.loads((tmp_path / "world.json").read_text())["gone"]


def test_a_word_typed_by_mistake_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("los\n\n"))
    said: queue.Queue[str] = queue.Queue()
    with World(tmp_path) as world:
        listen(world, said.put)
        assert said.get(timeout=5) == "“los” means nothing here; “lose” ends unit-a for good."
        assert world.living() == list(world.sites)
    assert said.empty()


def test_every_account_is_printed_whole_with_what_it_is_for(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, highlight=False, soft_wrap=True)
    with World(tmp_path) as world:
        for site, user, role in (
            (UNIT_A, "alice", "admin"),
            (DESK, "ada", "approver"),
            (UNIT_B, "rescue", "recovery-operator"),
        ):
            world.credentials.put(site, world.url(site), [Account(user, f"{user}-password", "t", role)])
        (tmp_path / "people").mkdir()
        (tmp_path / "people" / "ada.pass").write_text("ada-passphrase")
        print_accounts(console, world)
        print_journey(console, world, can_lose=True)
        lose_unit(world)
        print_accounts(console, world)
    text = out.getvalue()
    for part in ("alice-password", "ada-passphrase", "people/ada.key", world.url(DESK), "type “lose”"):
        assert part in text
    assert "unit-a  lost for good" in text


def test_after_the_journey_it_is_not_told_again(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(file=out, width=200, highlight=False, soft_wrap=True)
    with World(tmp_path) as world:
        world.credentials.put(UNIT_B, world.url(UNIT_B), [Account("alice", "p", "t", "admin")])
        print_accounts(console, world)
        print_journey(console, world, can_lose=True)
    assert "the replacement, with the content of the lost unit" in out.getvalue()
    assert "The journey was made." in out.getvalue()
    assert "rescue" not in out.getvalue()
