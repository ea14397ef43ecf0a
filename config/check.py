"""The check pipeline: what `make check`, `make test` and the build server run.

Static checks run two at a time; test sets run one after the other, each over both cores. Every command's
output goes to ``var/check/<name>.log`` and is shown when it fails. The last lines name what was left out and
count the tests. With ``CI=true`` anything left out is a failure.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
OUT = ROOT / "var" / "check"
PYTHON = str(BIN / "python")
ROLES = ("appliance", "manufacturer", "custody")
NO_TESTS_COLLECTED = 5  # pytest's exit code
TAIL = 12_000  # characters of a failed command's output that are shown


@dataclass(frozen=True)
class Step:
    """One command of the pipeline."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Outcome:
    step: Step
    ok: bool
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)


def deployable(role: str) -> dict[str, str]:
    """Environment in which a role's settings are as they would be deployed."""
    return {"STRONGROOM_ROLE": role, "STRONGROOM_SITE_DIR": str(OUT / f"site-{role}")}


def manage(name: str, role: str, *arguments: str) -> Step:
    return Step(f"{name}-{role}", [PYTHON, "manage.py", *arguments], deployable(role))


def static_steps() -> list[Step]:
    steps = [
        Step("types", [str(BIN / "mypy"), "."]),
        Step("format", [str(BIN / "ruff"), "format", "--check", "."]),
        Step("lint", [str(BIN / "ruff"), "check", "."]),
        Step("contracts", [str(BIN / "lint-imports")]),
    ]
    for role in ROLES:
        steps.append(manage("migrations", role, "makemigrations", "--check", "--dry-run"))
        steps.append(manage("deploy", role, "check", "--deploy", "--fail-level", "WARNING"))
    for role in ("appliance", "manufacturer"):
        schema = str(OUT / f"openapi-{role}.yaml")
        steps.append(manage("openapi", role, "spectacular", "--validate", "--fail-on-warn", "--file", schema))
    return steps


def pytest_step(
    name: str, *arguments: str, role: str = "appliance", env: Mapping[str, str] | None = None
) -> Step:
    report = str(OUT / f"{name}.xml")
    command = [PYTHON, "-m", "pytest", "-q", f"--junitxml={report}", "-o", "junit_family=xunit1", *arguments]
    return Step(name, command, {"STRONGROOM_ROLE": role, **(env or {})})


LIVE = ("tests/flows", "tests/faults", "tests/browser")  # worlds of live processes


def test_steps() -> list[Step]:
    """The suite once per role, then what starts live processes."""
    three = ("-n", "3", "--dist", "worksteal")  # on two cores: some wait for processes and servers
    others = [f"--ignore={place}" for place in LIVE]
    steps = [pytest_step(f"tests-{role}", *three, *others, role=role) for role in ROLES]
    # A file is a world and stays on one worker. Worlds wait for leases and restarts, so there is one more of
    # them; the longest begin first.
    worlds = ("-n", "4", "--dist", "loadfile", "--no-loadscope-reorder")
    steps.append(pytest_step("live", *worlds, *LIVE))
    return steps


def run_step(step: Step) -> Outcome:
    started = time.monotonic()
    log = OUT / f"{step.name}.log"
    with log.open("wb") as out:
        done = subprocess.run(  # noqa: S603  (fixed commands)
            list(step.command),
            cwd=ROOT,
            env={**os.environ, **step.env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    ok = done.returncode == 0
    outcome = Outcome(step, ok, time.monotonic() - started)
    if "pytest" in step.command:
        outcome.ok = ok or done.returncode == NO_TESTS_COLLECTED
        read_report(outcome)
    print(
        f"  {'ok    ' if outcome.ok else 'FAILED'} {step.name:<24} {outcome.seconds:6.1f} s{counts(outcome)}",
        flush=True,
    )
    if not outcome.ok:
        print(log.read_text(errors="replace")[-TAIL:], flush=True)
    return outcome


def counts(outcome: Outcome) -> str:
    if not (outcome.passed or outcome.failed or outcome.skipped):
        return ""
    return f"   {outcome.passed} passed, {outcome.failed} failed, {len(outcome.skipped)} skipped"


def read_report(outcome: Outcome) -> None:
    """Count a test set from the report pytest wrote; no report means the run broke off."""
    report = OUT / f"{outcome.step.name}.xml"
    if not report.is_file():
        outcome.ok = False
        return
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  (a report this run wrote)
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        elif skipped is not None:
            outcome.skipped.append(skipped.get("message") or "no reason given")
        else:
            outcome.passed += 1


def run_all(what: str) -> int:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    outcomes: list[Outcome] = []
    started = time.monotonic()
    if what in {"static", "all"}:
        print("checks", flush=True)
        with ThreadPoolExecutor(2) as pool:
            outcomes += pool.map(run_step, static_steps())
    if what in {"tests", "all"}:
        print("tests", flush=True)
        outcomes += [run_step(step) for step in test_steps()]
    return report(outcomes, time.monotonic() - started)


def report(outcomes: list[Outcome], seconds: float) -> int:
    failed = [outcome.step.name for outcome in outcomes if not outcome.ok]
    left_out: dict[str, int] = {}
    for outcome in outcomes:
        for reason in outcome.skipped:
            left_out[reason] = left_out.get(reason, 0) + 1
    must_be_complete = os.environ.get("CI", "") not in {"", "0", "false"}

    print(f"{seconds:.0f} s; logs in {OUT.relative_to(ROOT)}/")
    if failed:
        print(f"failed: {', '.join(failed)}")
    for reason, number in sorted(left_out.items()):
        print(f"left out: {number} tests ({reason})")
    if left_out and must_be_complete:
        print("nothing may be left out here: failed")
    tests = [outcome for outcome in outcomes if "pytest" in outcome.step.command]
    if tests:
        passed = sum(outcome.passed for outcome in tests)
        broken = sum(outcome.failed for outcome in tests)
        skipped = sum(len(outcome.skipped) for outcome in tests)
        print(f"{passed} passed, {broken} failed, {skipped} skipped")
        if passed + broken == 0:
            return 1
    return 1 if failed or (left_out and must_be_complete) else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the project's checks.")
    parser.add_argument("what", choices=["all", "static", "tests"])
    return run_all(parser.parse_args().what)


if __name__ == "__main__":
    sys.exit(main())
