"""REST of jobs: one's own, their log, cancel, start again."""

from __future__ import annotations

import uuid

import pytest
from rest_framework.test import APIClient

from audit.actor import Actor
from jobs.actions import start_job
from jobs.models import Job, JobLine
from tests.support.people import MAKER, SignedIn, client_of, person

pytestmark = pytest.mark.django_db
JOB = {"cancel": "post", "retry": "post", "lines": "get", "": "get"}


@pytest.mark.parametrize("act", sorted(JOB))
def test_a_job_of_someone_else_is_not_there(signed_in: SignedIn, act: str) -> None:
    job = start_job("w", actor=MAKER, params={})
    address = f"/api/v1/jobs/{job.pk}/{act}".rstrip("/")
    method = JOB[act]
    assert getattr(APIClient(), method)(address).status_code == 401
    assert getattr(signed_in(), method)(address).status_code == 404
    assert (
        getattr(signed_in("auditor"), method)(f"/api/v1/jobs/{uuid.uuid4()}/{act}".rstrip("/")).status_code
        == 404
    )


@pytest.mark.parametrize("act", ["cancel", "retry"])
def test_who_may_only_look_changes_nothing(signed_in: SignedIn, act: str) -> None:
    job = start_job("w", actor=MAKER, params={})
    assert signed_in("auditor").post(f"/api/v1/jobs/{job.pk}/{act}").status_code == 403
    job.refresh_from_db()
    assert job.state == "queued"


def test_params_are_not_shown() -> None:
    user = person()
    job = start_job("w", actor=Actor.user(user), params={"path": "/somewhere/inside"})
    assert "somewhere" not in client_of(user).get(f"/api/v1/jobs/{job.pk}").content.decode()


def test_the_owner_cancels_starts_again_and_reads_the_log() -> None:
    user = person()
    client = client_of(user)
    job = start_job("w", actor=Actor.user(user), params={}, subject="thing:1")
    address = f"/api/v1/jobs/{job.pk}"
    cancelled = client.post(f"{address}/cancel")
    assert (cancelled.status_code, cancelled["Location"]) == (202, address)
    assert cancelled.json()["state"] == "cancelled"
    again = client.post(f"{address}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "jobs.not-cancellable")
    assert client.post(f"{address}/retry").json()["state"] == "queued"
    twice = client.post(f"{address}/retry")
    assert (twice.status_code, twice.json()["code"]) == (409, "jobs.not-retryable")
    JobLine.objects.create(job=job, number=1, text="first")
    assert [line["text"] for line in client.get(f"{address}/lines").json()["results"]] == ["first"]


def test_a_failed_job_says_why_and_what_to_do() -> None:
    user = person()
    job = start_job("w", actor=Actor.user(user), params={})
    refusal = {"code": "a.b", "kind": "conflict", "title": "No.", "facts": {"n": 1}, "next_step": "Do."}
    Job.objects.filter(pk=job.pk).update(state="failed", refusal=refusal, done_amount=50, total_amount=200)
    shown = client_of(user).get(f"/api/v1/jobs/{job.pk}").json()
    assert shown["error"] == refusal
    assert (shown["progress"]["done"], shown["progress"]["percent"]) == (50, 25)


def test_the_list_is_filtered_and_newest_first() -> None:
    user = person()
    made = [start_job(kind, actor=Actor.user(user), params={}) for kind in ("a", "b", "a")]
    start_job("a", actor=MAKER, params={})
    client = client_of(user)
    everything = [row["id"] for row in client.get("/api/v1/jobs").json()["results"]]
    assert everything == [str(job.pk) for job in reversed(made)]
    assert len(client.get("/api/v1/jobs", {"kind": "a"}).json()["results"]) == 2
    assert client.get("/api/v1/jobs", {"state": "done"}).json()["results"] == []
    assert client.get("/api/v1/jobs", {"state": "nonsense"}).status_code == 422
