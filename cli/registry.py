"""The table of commands. A command is a function with a path of words, a sentence, and its arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cli import session
from cli.client import Site
from cli.exits import CommandError, Exit
from cli.output import JobProgress, Output


@dataclass
class Call:
    """One invocation: its arguments, where to print, and the site (opened when first asked for)."""

    options: argparse.Namespace
    output: Output
    _site: Site | None = field(default=None, init=False)

    @property
    def site(self) -> Site:
        if self._site is None:
            entry = session.choose(self.options.site)
            self._site = Site(entry.url, entry.token)
        return self._site

    def follow(self, job: dict[str, Any], label: str) -> Any:
        """Wait for a job with live progress, unless ``--no-wait`` was given; returns the row last seen."""
        if getattr(self.options, "no_wait", False):
            return job
        with JobProgress(self.output, label) as progress:
            return self.site.wait(job, seen=progress)

    def close(self) -> None:
        if self._site is not None:
            self._site.close()


Argument = tuple[tuple[str, ...], dict[str, Any]]


@dataclass(frozen=True)
class Command:
    path: tuple[str, ...]
    sentence: str
    run: Callable[[Call], Any]
    arguments: tuple[Argument, ...]
    columns: tuple[str, ...]


COMMANDS: dict[tuple[str, ...], Command] = {}


def argument(*names: str, **options: Any) -> Argument:
    return names, options


NO_WAIT = argument("--no-wait", action="store_true", help="print the job and return at once")


def command(
    path: str, sentence: str, *arguments: Argument, columns: tuple[str, ...] = ()
) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    """Register a command; what it returns is printed."""

    def register(run: Callable[[Call], Any]) -> Callable[[Call], Any]:
        words = tuple(path.split())
        COMMANDS[words] = Command(words, sentence, run, arguments, columns)
        return run

    return register


def only(rows: list[dict[str, Any]], what: str) -> dict[str, Any]:
    """The one row that fits. Raises `CommandError` for none or several."""
    if len(rows) == 1:
        return rows[0]
    if not rows:
        raise CommandError(f"no {what} fit", Exit.MISSING, next_step="The list shows what there is.")
    raise CommandError(f"{len(rows)} {what} fit", Exit.CONFLICT, next_step="Name one of them by its id.")
