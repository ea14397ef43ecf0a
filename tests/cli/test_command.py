"""The command: exit codes, JSON, signing in, jobs."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli import session
from cli.exits import BY_STATUS, Exit
from cli.main import GROUPS, build_parser, load_commands
from cli.registry import COMMANDS
from tests.cli.conftest import FakeSite

Run = Callable[..., int]
TICKET = "8c4a7a36-6f0a-4a6e-9c54-111111111111"


@pytest.mark.parametrize(("status", "code"), sorted(BY_STATUS.items()))
def test_each_refusal_has_its_exit_code(site: FakeSite, strongroom: Run, status: int, code: Exit) -> None:
    site.answers["GET /api/v1/unit"] = (status, {"title": "No", "code": "unit.no"})
    assert strongroom("unit", "show") == code


def test_an_unknown_status_is_unexpected(site: FakeSite, strongroom: Run) -> None:
    site.answers["GET /api/v1/unit"] = (500, {"title": "Broken"})
    assert strongroom("unit", "show") == Exit.UNEXPECTED


def test_a_refusal_is_told_with_code_facts_and_next_step(
    site: FakeSite, strongroom: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    site.answers["GET /api/v1/unit"] = (
        409,
        {"title": "No key", "code": "keys.none", "facts": {"epoch": 3}, "next_step": "Rotate."},
    )
    strongroom("unit", "show")
    told = capsys.readouterr()
    assert told.out == ""
    assert "No key" in told.err
    assert "keys.none" in told.err
    assert '"epoch": 3' in told.err
    assert "Rotate." in told.err


def test_a_dry_run_of_a_backup_prints_what_would_be_sent(
    site: FakeSite, strongroom: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    target = "8c4a7a36-6f0a-4a6e-9c54-222222222222"
    job = {"id": TICKET, "kind": "backup.foresee", "state": "done", "result": {"new_bytes": 4711}}
    rows = [{"id": target, "name": "shelf"}]
    site.answers["GET /api/v1/backup-targets"] = (200, {"results": rows, "next": None})
    site.answers["POST /api/v1/backup-images"] = (202, job)
    site.answers[f"GET /api/v1/jobs/{TICKET}"] = (200, job)
    assert strongroom("backup", "start", "--target", "shelf", "--dry-run", "--json") == Exit.OK
    assert site.bodies() == [{"target": target, "dry_run": True}]
    assert "4711" in capsys.readouterr().out


def test_a_refusal_in_json_carries_the_exit_code(
    site: FakeSite, strongroom: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    site.answers["GET /api/v1/unit"] = (404, {"title": "No unit", "code": "unit.missing"})
    assert strongroom("unit", "show", "--json") == Exit.MISSING
    assert json.loads(capsys.readouterr().out) == {
        "error": {"title": "No unit", "code": "unit.missing"},
        "exit": 4,
    }


def test_a_site_that_cannot_be_reached_is_unavailable(site: FakeSite, strongroom: Run) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    site.answers["GET /api/v1/unit"] = refuse
    assert strongroom("unit", "show") == Exit.UNAVAILABLE


def test_an_unknown_command_is_a_usage_error(strongroom: Run) -> None:
    with pytest.raises(SystemExit) as ended:
        strongroom("no-such-command")
    assert ended.value.code == Exit.USAGE


def test_nobody_signed_in_names_the_next_step(
    monkeypatch: pytest.MonkeyPatch, site: FakeSite, strongroom: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STRONGROOM_URL")
    assert strongroom("unit", "show") == Exit.SIGN_IN
    assert "strongroom sign-in URL" in capsys.readouterr().err


def test_the_token_goes_in_the_header_and_nowhere_else(site: FakeSite, strongroom: Run) -> None:
    site.answers["GET /api/v1/unit"] = (200, {"serial": "SR-1"})
    strongroom("unit", "show")
    assert site.asked[0].headers["Authorization"] == "Bearer token-1"
    assert "token-1" not in str(site.asked[0].url)


def test_signing_in_keeps_the_token_where_only_the_owner_reads_it(
    monkeypatch: pytest.MonkeyPatch, site: FakeSite, strongroom: Run, tmp_path: Path
) -> None:
    monkeypatch.delenv("STRONGROOM_URL")
    password = tmp_path / "password"
    password.write_text("a password\n")
    site.answers["POST /api/v1/tokens"] = (201, {"token": "fresh"})
    site.answers["GET /api/v1/me"] = (200, {"username": "alice"})
    signed_in = strongroom("sign-in", "http://unit.test", "--user=alice", f"--password-file={password}")
    assert signed_in == Exit.OK
    assert site.bodies()[0]["password"] == "a password"
    assert stat.S_IMODE(session.config_path().stat().st_mode) == 0o600
    assert strongroom("whoami") == Exit.OK
    assert site.asked[-1].headers["Authorization"] == "Bearer fresh"


def test_signing_out_revokes_and_forgets(
    monkeypatch: pytest.MonkeyPatch, site: FakeSite, strongroom: Run
) -> None:
    monkeypatch.delenv("STRONGROOM_URL")
    session.remember(session.Entry("unit", "http://unit.test", "kept", "alice"))
    site.answers["DELETE /api/v1/tokens/current"] = (204, None)
    assert strongroom("sign-out") == Exit.OK
    assert session.load() == {"default": "", "sites": {}}


def test_a_started_job_is_followed_to_its_end(
    site: FakeSite, strongroom: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    site.answers["POST /api/v1/keys/rotate"] = (202, {"id": "j1", "state": "queued"})
    site.answers["GET /api/v1/jobs/j1"] = [
        (200, {"id": "j1", "state": "running", "progress": {"phase": "drill", "done": 1, "total": 2}}),
        (200, {"id": "j1", "state": "done", "result": {"epoch": 2}}),
    ]
    assert strongroom("key", "rotate", "--json") == Exit.OK
    assert json.loads(capsys.readouterr().out)["result"] == {"epoch": 2}


def test_work_is_started_with_an_idempotency_key(site: FakeSite, strongroom: Run) -> None:
    site.answers["POST /api/v1/keys/rotate"] = (202, {"id": "j1", "state": "queued"})
    strongroom("key", "rotate", "--no-wait")
    strongroom("key", "rotate", "--no-wait")
    keys = {request.headers["Idempotency-Key"] for request in site.asked}
    assert len(keys) == 2


def test_a_collection_is_asked_for_as_it_was_chosen(site: FakeSite, strongroom: Run) -> None:
    job = {"id": TICKET, "state": "done", "result": {"removed": {"packs": 2}}}
    site.answers["POST /api/v1/content-store/collect"] = (202, job)
    site.answers[f"GET /api/v1/jobs/{TICKET}"] = (200, job)
    chosen = ("--dry-run", "--grace-days", "30", "--repack", "never", "--rewrite-mib", "64")
    assert strongroom("store", "collect", *chosen) == Exit.OK
    assert site.bodies() == [{"dry_run": True, "grace_days": 30, "repack": "never", "rewrite_mib": 64}]


def test_a_failed_job_shows_its_refusal(
    site: FakeSite, strongroom: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    site.answers["POST /api/v1/keys/rotate"] = (202, {"id": "j1", "state": "queued"})
    problem = {
        "code": "keys.drill-failed",
        "title": "The drill failed",
        "facts": {},
        "next_step": "Ask the desk.",
    }
    site.answers["GET /api/v1/jobs/j1"] = (200, {"id": "j1", "state": "failed", "problem": problem})
    assert strongroom("key", "rotate") == Exit.JOB_FAILED
    assert "keys.drill-failed" in capsys.readouterr().err


def test_lists_are_read_page_by_page(
    site: FakeSite, strongroom: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    pages: list[tuple[int, Any]] = [
        (200, {"results": [{"number": "T-1"}], "next": "http://unit.test/api/v1/tickets?cursor=x"}),
        (200, {"results": [{"number": "T-2"}], "next": None}),
    ]
    site.answers["GET /api/v1/tickets"] = pages
    strongroom("ticket", "list", "--json")
    assert [row["number"] for row in json.loads(capsys.readouterr().out)] == ["T-1", "T-2"]


def test_a_ticket_is_named_by_its_number(site: FakeSite, strongroom: Run) -> None:
    site.answers["GET /api/v1/tickets"] = (200, {"results": [{"number": "T-7", "id": TICKET}], "next": None})
    site.answers[f"POST /api/v1/tickets/{TICKET}/accept"] = (200, {"number": "T-7", "state": "accepted"})
    assert strongroom("ticket", "accept", "T-7") == Exit.OK


def test_a_number_that_no_ticket_has_is_missing(site: FakeSite, strongroom: Run) -> None:
    site.answers["GET /api/v1/tickets"] = (200, {"results": [], "next": None})
    assert strongroom("ticket", "accept", "T-8") == Exit.MISSING


def test_every_command_has_a_sentence_and_parses_its_help() -> None:
    load_commands()
    parser = build_parser()
    assert parser.prog == "strongroom"
    assert all(entry.sentence and not entry.sentence.endswith(".") for entry in COMMANDS.values())
    assert {path[0] for path in COMMANDS if len(path) > 1} == set(GROUPS)


def test_the_table_of_exit_codes_in_the_manual_is_complete() -> None:
    manual = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text()
    assert all(f"| {code.value} | {code.name.lower().replace('_', '-')} |" in manual for code in Exit)


def test_a_carried_image_is_fetched_from_where_it_stopped(
    site: FakeSite, strongroom: Run, tmp_path: Path
) -> None:
    whole, path = b"strongroom-carried-image;v=1\n" + b"x" * 500, tmp_path / "carried"
    site.answers["GET /api/v1/carried-images"] = (200, {"files": [{"name": "a", "size": len(whole)}]})

    def part(request: httpx.Request) -> httpx.Response:
        start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        return httpx.Response(206, content=whole[start:])

    site.answers["GET /api/v1/carried-images/a"] = part
    path.write_bytes(whole[:77])
    assert strongroom("carried", "download", "a", str(path)) == 0
    assert path.read_bytes() == whole
    assert strongroom("carried", "download", "b", str(path)) == 4
