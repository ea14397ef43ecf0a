"""Live progress of the demo in the terminal: one line a step, a bar for the job that runs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

GIB = 1 << 30


class Screen:
    """Prints steps as they end; shows the running one with its bar. Plain lines without a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started = time.monotonic()
        self._progress = Progress(
            TextColumn("   [bold]{task.description}"),
            BarColumn(bar_width=30),
            DownloadColumn(binary_units=True),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=None, visible=False)
        self._label = ""

    def __enter__(self) -> Screen:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def say(self, text: str) -> None:
        self.console.print(f"          {text}", style="dim", markup=False, highlight=False)

    @contextmanager
    def step(self, label: str) -> Iterator[list[str]]:
        """Time a step; what it appends to the list is told with it."""
        told: list[str] = []
        began = time.monotonic()
        self._label = label
        self._progress.update(self._task, description=label, total=None, completed=0, visible=True)
        yield told
        self._progress.update(self._task, visible=False)
        took = time.monotonic() - began
        detail = f" · {'; '.join(told)}" if told else ""
        self.console.print(
            f"{self.seconds:6.1f} s  {label}{detail} ({took:.1f} s)", markup=False, highlight=False
        )

    def sent(self, done: int, total: int) -> None:
        """Progress of an upload."""
        self._progress.update(self._task, description=self._label, completed=done, total=total)

    def job(self, row: Mapping[str, Any]) -> None:
        """Progress of a job, from its row."""
        progress = row.get("progress") or {}
        phase = progress.get("phase") or row.get("state", "")
        in_bytes = progress.get("unit", "bytes") == "bytes"
        self._progress.update(
            self._task,
            description=f"{self._label} · {phase}",
            completed=(progress.get("done") or 0) if in_bytes else 0,
            total=(progress.get("total") or None) if in_bytes else None,
        )
