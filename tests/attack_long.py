"""The attacks and faults at full length (``make attack-long``): a table, and the seed that plays it again.

    python -m tests.attack_long [--seed N] [--kills N] [--only NAME …]

Each is a test of the suite that takes a sample in every run and the whole with ``STRONGROOM_LONG=1``; here
they run one after the other with one seed. What each found is written to ``var/attack-long.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KILLS = 1_000  # of each flow


@dataclass(frozen=True)
class Attack:
    """A name for the command line, what is done, and the tests that do it."""

    name: str
    what: str
    tests: tuple[str, ...]
    role: str = "appliance"
    options: tuple[str, ...] = ()


ATTACKS = (
    Attack("mutations", "10,000 mutated inputs to each parser", ("tests/sealing/test_mutations.py",)),
    Attack(
        "flips",
        "every bit of documents, header, keyring, slot and certificates",
        (
            "tests/sealing/test_flipped_bits.py",
            "tests/sealing/test_keyring.py",
            "tests/sealing/test_vault.py",
        ),
    ),
    Attack("storage", "a million seals; known files", ("tests/sealing/content/test_what_storage_sees.py",)),
    Attack("events", "10,000 alterations of the event log", ("tests/audit/test_log_at_length.py",)),
    Attack(
        "desk",
        "foreign values, malformed classes, the whole desk",
        ("tests/manufacturer/custody/test_hostile_desk.py",),
        role="custody",
    ),
    Attack("kills", "random kills in backup, rotation and restore", ("tests/faults",)),
)


def run(attack: Attack, *, seed: int, kills: int) -> dict[str, object]:
    """One attack in a process of its own; its figures, and whether it held."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as figures:
        environment = {
            **os.environ,
            "STRONGROOM_ROLE": attack.role,
            "STRONGROOM_LONG": "1",
            "STRONGROOM_SEED": str(seed),
            "STRONGROOM_KILLS": str(kills),
            "STRONGROOM_FIGURES": figures.name,
        }
        command = [sys.executable, "-m", "pytest", "-q", "-m", "", *attack.options, *attack.tests]
        begin = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        noted = [json.loads(line) for line in figures.read().splitlines()]
    return {
        "name": attack.name,
        "what": attack.what,
        "held": done.returncode == 0,
        "seconds": round(time.monotonic() - begin, 1),
        "figures": [f"{entry['attack']}: {entry['figure']}" for entry in noted],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kills", type=int, default=KILLS, help="of each flow")
    parser.add_argument("--only", nargs="*", choices=[attack.name for attack in ATTACKS], default=None)
    asked = parser.parse_args()
    seed = secrets.randbits(32) if asked.seed is None else asked.seed
    chosen = [attack for attack in ATTACKS if asked.only is None or attack.name in asked.only]
    print(f"seed {seed}")
    rows = [run(attack, seed=seed, kills=asked.kills) for attack in chosen]
    print(f"\n{'attack':10} {'held':5} {'seconds':>8}  figures")
    for row in rows:
        figures = row["figures"] or [row["what"]]
        assert isinstance(figures, list)
        held = "yes" if row["held"] else "NO"
        print(f"{row['name']!s:10} {held:5} {row['seconds']!s:>8}  {'; '.join(figures)}")
    only = f" ONLY='{' '.join(attack.name for attack in chosen)}'" if asked.only else ""
    print(f"\nagain: make attack-long SEED={seed} KILLS={asked.kills}{only}")
    (ROOT / "var").mkdir(exist_ok=True)
    (ROOT / "var" / "attack-long.json").write_text(json.dumps({"seed": seed, "rows": rows}, indent=1))
    return 0 if all(row["held"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
