"""Repeated requests: the same answer, the work once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from accounts.models import User
from ground.models import IdempotentAnswer
from ground.refusals import Stale
from ground.rest.idempotency import idempotent
from tests.support.people import person

pytestmark = pytest.mark.django_db


class Counting(APIView):
    work: Callable[[], dict[str, Any]] = dict

    @idempotent
    def post(self, _request: Request) -> Response:
        return Response(self.work(), status=202, headers={"Location": "/job/1"})


class Worker:
    def __init__(self, error: Exception | None = None) -> None:
        self.calls = 0
        self.error = error

    def __call__(self) -> dict[str, Any]:
        self.calls += 1
        if self.error:
            raise self.error
        return {"call": self.calls}


def post(worker: Worker, user: User, key: str | None, body: object = None, path: str = "/x") -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    request = APIRequestFactory().post(path, body or {}, format="json", headers=headers)
    force_authenticate(request, user)
    return Counting.as_view(work=worker)(request)


@pytest.mark.parametrize("key", ["", "   ", "k" * 201])
def test_a_key_that_is_none_is_refused_before_any_work(key: str) -> None:
    worker = Worker()
    assert post(worker, person(), key).data["code"] == "ground.idempotency-key-invalid"
    assert worker.calls == 0


def test_the_same_key_with_another_body_is_refused() -> None:
    worker, user = Worker(), person()
    post(worker, user, "k", {"a": 1})
    assert post(worker, user, "k", {"a": 2}).data["code"] == "ground.idempotency-key-reused"
    assert worker.calls == 1


def test_a_second_request_while_the_first_is_at_work_is_refused() -> None:
    worker, user = Worker(), person()
    post(worker, user, "k")
    IdempotentAnswer.objects.update(status=None)
    answer = post(worker, user, "k")
    assert (answer.status_code, answer.data["code"]) == (409, "ground.idempotency-in-progress")
    assert worker.calls == 1


def test_a_first_request_whose_process_died_does_not_block_the_key_for_ever() -> None:
    worker, user = Worker(), person()
    post(worker, user, "k")
    IdempotentAnswer.objects.update(status=None, created_at=timezone.now() - dt.timedelta(minutes=6))
    assert post(worker, user, "k").data == {"call": 2}


def test_a_refused_request_leaves_the_key_free() -> None:
    user = person()
    assert post(Worker(Stale()), user, "k").status_code == 412
    assert post(Worker(), user, "k").data == {"call": 1}


def test_the_same_answer_is_given_again_with_its_address() -> None:
    worker, user = Worker(), person()
    first, again = post(worker, user, "k"), post(worker, user, "k")
    assert (first.data, again.data, worker.calls) == ({"call": 1}, {"call": 1}, 1)
    assert (again.status_code, again["Location"], again["Idempotent-Replay"]) == (202, "/job/1", "true")


def test_keys_of_other_people_other_calls_and_no_key_are_other_work() -> None:
    worker, user = Worker(), person()
    post(worker, user, "k")
    post(worker, person(), "k")
    post(worker, user, "k", path="/y")
    post(worker, user, None)
    assert worker.calls == 4


def test_an_answer_is_forgotten_after_a_day() -> None:
    worker, user = Worker(), person()
    post(worker, user, "k")
    IdempotentAnswer.objects.update(created_at=timezone.now() - dt.timedelta(hours=25))
    assert post(worker, user, "k").data == {"call": 2}
