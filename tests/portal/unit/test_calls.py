"""What pages show as the same call by REST and by command is there to be called."""

from __future__ import annotations

import re

import pytest

from cli.main import load_commands
from cli.registry import COMMANDS
from config.site import BASE_DIR

TEXT = {
    str(path.relative_to(BASE_DIR)): path.read_text(encoding="utf-8")
    for path in sorted((BASE_DIR / "templates").rglob("*.html"))
}
SHOWN = sorted(
    {
        found
        for text in TEXT.values()
        for found in re.findall(r"(?<!load )\bstrongroom ((?:[a-z-]+ ?){1,2})", text)
    }
)


@pytest.mark.parametrize("shown", SHOWN)
def test_a_command_that_a_page_shows_exists(shown: str) -> None:
    load_commands()
    words = tuple(shown.split())
    assert words in COMMANDS or words[:1] in COMMANDS


def test_pages_show_commands_at_all() -> None:
    assert len(SHOWN) > 15
