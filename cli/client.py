"""REST calls to one site, with refusals turned into `CommandError`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from cli.exits import BY_STATUS, CommandError, Exit

API = "/api/v1/"
FINISHED = {"done", "failed", "cancelled"}
POLL_FIRST, POLL_LAST = 0.1, 1.0  # seconds between looks at a job


class Site:
    """One site's REST interface. ``hooks`` are httpx event hooks (the demo records its traffic with them)."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout: float = 60.0,
        hooks: Mapping[str, list[Callable[..., Any]]] | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        headers = {"Accept": "application/json", "User-Agent": "strongroom-cli"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.http = httpx.Client(
            base_url=self.url, headers=headers, timeout=timeout, event_hooks=dict(hooks or {})
        )

    def close(self) -> None:
        self.http.close()

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- calls ----

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One call below ``/api/v1/`` (or to an absolute path). Raises `CommandError` for every refusal."""
        address = path if path.startswith(("/", "http")) else API + path
        try:
            answer = self.http.request(method, address, **options)
        except httpx.HTTPError as error:
            raise CommandError(
                f"{self.url} cannot be reached: {error}",
                Exit.UNAVAILABLE,
                next_step="Check the address and that the site is running.",
            ) from error
        if answer.is_error:
            raise refusal_of(answer)
        return answer

    def get(self, path: str, **params: Any) -> Any:
        return self.request("GET", path, params={k: v for k, v in params.items() if v is not None}).json()

    def post(self, path: str, body: Any = None) -> Any:
        """POST with a fresh idempotency key: a repeated delivery starts nothing twice."""
        answer = self.request("POST", path, json=body or {}, headers={"Idempotency-Key": str(uuid.uuid4())})
        return answer.json() if answer.content else {}

    def put(self, path: str, body: Any) -> Any:
        answer = self.request("PUT", path, json=body)
        return answer.json() if answer.content else {}

    def delete(self, path: str) -> Any:
        answer = self.request("DELETE", path)
        return answer.json() if answer.content else {}

    def fetch(self, path: str, to: Path, *, start: int = 0) -> None:
        """A large file, into `to` from byte `start` on. What has arrived stays when the line breaks."""
        try:
            with self.http.stream("GET", API + path, headers={"Range": f"bytes={start}-"}) as answer:
                if answer.is_error:
                    answer.read()
                    raise refusal_of(answer)
                with to.open(
                    "ab" if start and answer.status_code == httpx.codes.PARTIAL_CONTENT else "wb"
                ) as file:
                    for piece in answer.iter_bytes():
                        file.write(piece)
        except httpx.HTTPError as error:
            raise CommandError(
                f"the download broke off: {error}",
                Exit.UNAVAILABLE,
                next_step="Run the command again: it goes on where it stopped.",
            ) from error

    def each(self, path: str, **params: Any) -> Iterator[Any]:
        """All rows of a list, page by page."""
        page = self.get(path, **params)
        while True:
            if isinstance(page, list):
                yield from page
                return
            yield from page["results"]
            following = page.get("next")
            if not following:
                return
            page = self.request("GET", following).json()

    # ---- jobs ----

    def wait(
        self, job: Mapping[str, Any], *, timeout: float = 3600, seen: Callable[[Any], None] = lambda _: None
    ) -> Any:
        """Wait for a job to end. Raises `CommandError` when it failed, was cancelled, or takes too long."""
        deadline = time.monotonic() + timeout
        pause = POLL_FIRST
        address = f"jobs/{job['id']}"
        while True:
            row = self.get(address)
            seen(row)
            if row["state"] in FINISHED:
                break
            if time.monotonic() > deadline:
                raise CommandError(
                    f"job {job['id']} still {row['state']} after {timeout:.0f} s", Exit.JOB_FAILED
                )
            time.sleep(pause)
            pause = min(POLL_LAST, pause * 1.3)
        if row["state"] != "done":
            raise job_refusal(row)
        return row


def job_refusal(row: Mapping[str, Any]) -> CommandError:
    """What a failed or cancelled job says, as an error of this command."""
    problem = row.get("error") or row.get("problem") or {}
    return CommandError(
        problem.get("title") or f"job {row['id']} {row['state']}",
        Exit.JOB_FAILED,
        code=problem.get("code", ""),
        next_step=problem.get("next_step", ""),
        facts=problem.get("facts"),
    )


def refusal_of(answer: httpx.Response) -> CommandError:
    """The problem details (RFC 9457) of an answer as an error of this command."""
    exit_code = BY_STATUS.get(answer.status_code, Exit.UNEXPECTED)
    try:
        answer.read()
        problem = answer.json()
    except (ValueError, httpx.HTTPError):
        problem = {}
    if not isinstance(problem, dict):
        problem = {"title": str(problem)}
    return CommandError(
        problem.get("title") or problem.get("detail") or f"{answer.status_code} {answer.reason_phrase}",
        exit_code,
        code=str(problem.get("code", "")),
        next_step=str(problem.get("next_step", "")),
        facts=problem.get("facts") or problem.get("errors"),
    )
