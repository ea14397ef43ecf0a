"""The terminal of ``make run`` while all runs: mail the desk sent, and the loss of a unit on demand."""

from __future__ import annotations

import email
import email.policy
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from config.supervisor.world import UNIT_A, World

LOSE = "lose"
END = "-" * 79  # the file backend ends each mail with it


class Mailbox:
    """Mails in a directory, each shown once; those there at the start count as seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen = set(self._files())

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.log")) if self.folder.is_dir() else []

    def new(self) -> list[str]:
        """To whom, about what, and the text, of mails that came since."""
        fresh = {path: path.read_text(encoding="utf-8") for path in self._files() if path not in self._seen}
        whole = {path: text for path, text in fresh.items() if END in text}
        self._seen.update(whole)
        return [_shown(text) for text in whole.values()]


def _shown(text: str) -> str:
    mail = email.message_from_string(text, policy=email.policy.default)
    body = mail.get_content() if not mail.is_multipart() else ""
    lines = [line for line in body.splitlines() if line.strip() and line != END]
    return "\n".join([f"mail to {mail['To']}: {mail['Subject']}", *(f"    {line.strip()}" for line in lines)])


def lose_unit(world: World) -> str:
    """End the first unit for good, its directory with it; says what is true now."""
    if UNIT_A not in world.living():
        return f"{UNIT_A} is lost already."
    world.forget_site(UNIT_A)
    shutil.rmtree(world.sites[UNIT_A].root, ignore_errors=True)
    return (
        f"{UNIT_A} is gone for good, with everything on it. What it backed up is at {world.root / 'target'}."
    )


def listen(world: World, say: Callable[[str], None]) -> None:
    """Take words typed into a terminal, in a thread that ends with the process."""

    def read() -> None:
        for line in sys.stdin:
            if line.strip().lower() == LOSE:
                say(lose_unit(world))
            elif line.strip():
                say(f"“{line.strip()}” means nothing here; “{LOSE}” ends {UNIT_A} for good.")

    threading.Thread(target=read, name="terminal", daemon=True).start()
