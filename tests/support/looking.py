"""Looks at a living site with `check_world`, each in a process of its own, forked from one that is warm.

``python -m tests.support.looking`` runs with a site's environment: a line in, a look, its JSON out.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from typing import Any


class Looker:
    """The warm process of one site. A look may take seconds: it opens every image and every object."""

    def __init__(self, command_options: dict[str, Any], python: str = sys.executable) -> None:
        self._process = subprocess.Popen(
            [python, "-m", "tests.support.looking"],
            **command_options,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def look(self) -> list[Any]:
        """Every invariant that does not hold now; a look that failed by itself is one too."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("look\n")
        self._process.stdin.flush()
        return list(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def _serve() -> None:
    import django

    django.setup()
    from tests.support.world import violations

    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                found: list[Any] = [dataclasses.asdict(each) for each in violations()]
            except Exception as error:  # said as a finding, or the asker would wait for ever
                found = [f"the look itself failed: {error!r}"]
            print(json.dumps(found), flush=True)
            os._exit(0)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    _serve()
