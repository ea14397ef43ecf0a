"""What a command prints: tables and facts for people, one JSON value with ``--json``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

PIPE_WIDTH = 4000
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")


class Output:
    """Results go to standard output, everything else to standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # In a pipe a row is a line, however long; in a terminal long cells fold.
        self.out = Console(highlight=False, soft_wrap=True)
        if not self.out.is_terminal:
            self.out.width = PIPE_WIDTH
        self.err = Console(stderr=True, highlight=False)

    def result(self, value: Any, columns: Sequence[str] = ()) -> None:
        if value is None:
            return
        if self.as_json:
            json.dump(value, sys.stdout, indent=2, ensure_ascii=False, default=str)
            sys.stdout.write("\n")
        elif isinstance(value, str):
            sys.stdout.write(value if value.endswith("\n") else value + "\n")
        elif isinstance(value, Mapping):
            self._facts(value)
        else:
            self._table(list(value), columns)

    def note(self, text: str) -> None:
        """Progress and advice; never part of the result."""
        self.err.print(text, markup=False)

    def _facts(self, value: Mapping[str, Any]) -> None:
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        for name, fact in value.items():
            table.add_row(name.replace("_", " "), shown(fact))
        self.out.print(table, markup=False)

    def _table(self, rows: list[Mapping[str, Any]], columns: Sequence[str]) -> None:
        if not rows:
            self.note("nothing there")
            return
        names = list(columns) or list(rows[0])
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in names:
            table.add_column(name.replace("_", " "), overflow="fold")
        for row in rows:
            table.add_row(*(shown(row.get(name)) for name in names))
        self.out.print(table, markup=False)


def shown(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    text = str(value)
    moment = MOMENT.fullmatch(text)
    return f"{moment[1]} {moment[2]}{moment[3]}" if moment else text


class JobProgress:
    """Live progress of a job on standard error; silent when that is no terminal."""

    def __init__(self, output: Output, label: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TimeRemainingColumn(),
            console=output.err,
            transient=True,
            disable=not output.err.is_terminal,
        )
        self._label = label
        self._task: TaskID | None = None

    def __enter__(self) -> JobProgress:
        self._progress.start()
        self._task = self._progress.add_task(self._label, total=None)
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, row: Mapping[str, Any]) -> None:
        progress = row.get("progress") or {}
        phase = progress.get("phase") or row["state"]
        if self._task is not None:
            self._progress.update(
                self._task,
                description=f"{self._label} · {phase}",
                completed=progress.get("done") or 0,
                total=progress.get("total") or None,
            )
