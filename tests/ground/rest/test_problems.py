"""Problem details: one shape for every refusal, nothing of a fault is shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView

from ground.refusals import Refusal, Stale
from ground.rest.problems import to_refusal


class Away(exceptions.APIException):
    status_code = 503


class Raising(APIView):
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    error: Exception = ValueError()

    def get(self, _request: Request) -> Response:
        raise self.error


def answer_to(error: Exception) -> Any:
    view = Raising.as_view(error=error)
    response = view(APIRequestFactory().get("/x"))
    response.render()
    return response


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Stale(thing="x"), 412, "ground.stale"),
        (Http404(), 404, "ground.missing"),
        (exceptions.NotAuthenticated(), 401, "ground.unauthenticated"),
        (exceptions.PermissionDenied(), 403, "ground.forbidden"),
        (exceptions.MethodNotAllowed("PUT"), 405, "ground.method-not-allowed"),
        (exceptions.NotAcceptable(), 406, "ground.not-acceptable"),
        (exceptions.UnsupportedMediaType("x/y"), 415, "ground.unsupported-media-type"),
        (exceptions.ParseError("line 1"), 400, "ground.malformed"),
        (exceptions.Throttled(wait=7), 429, "ground.limited"),
        (exceptions.ValidationError({"name": ["too long"]}), 422, "ground.invalid"),
        (Away(), 503, "ground.unavailable"),
        (RuntimeError("the inside of it"), 500, "ground.internal-error"),
    ],
)
def test_every_failure_is_a_problem_with_a_permanent_code(error: Exception, status: int, code: str) -> None:
    response = answer_to(error)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert set(response.data) == {
        *("type", "title", "status", "detail", "instance", "code", "facts", "next_step", "event")
    }
    assert (response.data["code"], response.data["status"]) == (code, status)
    assert response.data["type"] == f"urn:strongroom:problem:{code}"
    assert response.data["next_step"]


def test_a_fault_of_ours_tells_an_event_id_and_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    response = answer_to(RuntimeError("the inside of it"))
    assert b"inside" not in response.content
    assert response.data["event"] in caplog.text


def test_a_limit_says_when_to_come_back() -> None:
    assert answer_to(exceptions.Throttled(wait=7))["Retry-After"] == "7"


def test_the_fields_of_an_invalid_body_are_facts() -> None:
    refusal = to_refusal(exceptions.ValidationError({"a": ["x"], "b": [{"c": ["y"]}, {}]}))
    assert refusal.facts == {"fields": {"a": ["x"], "b": [{"c": ["y"]}, {}]}}


def test_a_refusal_passes_as_it_is() -> None:
    refusal: Refusal = Stale()
    assert to_refusal(refusal) is refusal


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/api/v1/nothing-here", "/api/nothing", "/api/v1/jobs/not-a-uuid"])
def test_an_unknown_address_of_the_api_is_a_problem_too(address: str) -> None:
    for method in ("get", "post", "delete"):
        response = getattr(APIClient(), method)(address)
        assert (response.status_code, response.json()["code"]) == (404, "ground.missing")


@pytest.mark.django_db
def test_a_body_that_is_no_json_is_told_so() -> None:
    response = APIClient().post("/api/v1/tokens", data=b"{", content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "ground.malformed")
    response = APIClient().post(
        "/api/v1/tokens", data=b"a=b", content_type="application/x-www-form-urlencoded"
    )
    assert (response.status_code, response.json()["code"]) == (415, "ground.unsupported-media-type")
