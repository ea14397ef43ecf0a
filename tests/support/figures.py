"""Figures of attacks, as the tests measured them: printed, and noted for the table of `make attack-long`."""

from __future__ import annotations

import json
import os
import secrets

LONG = os.environ.get("STRONGROOM_LONG") == "1"


def seed() -> int:
    """``STRONGROOM_SEED`` plays a run again; without it each run has a fresh one."""
    return int(os.environ.get("STRONGROOM_SEED") or secrets.randbits(32))


def note(attack: str, figure: str, seed: int) -> None:
    """One line of the table."""
    print(f"{attack}: {figure}; STRONGROOM_SEED={seed}")
    if name := os.environ.get("STRONGROOM_FIGURES"):
        with open(name, "a", encoding="utf-8") as file:
            file.write(json.dumps({"attack": attack, "figure": figure, "seed": seed}) + "\n")
