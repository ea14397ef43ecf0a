"""Addresses below ``/api/`` that do not exist: a problem document, not a page."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt

from ground.refusals import Missing
from ground.rest.problems import problem_response


@csrf_exempt
def not_found(request: HttpRequest) -> JsonResponse:
    return problem_response(Missing(), request)


urlpatterns = [re_path(r"", not_found)]
