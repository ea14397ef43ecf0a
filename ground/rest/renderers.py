"""JSON answers in UTF-8; problem details under their own media type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import JSONRenderer

PROBLEM_JSON = "application/problem+json"


class JsonRenderer(JSONRenderer):
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response = (renderer_context or {}).get("response")
        if response is not None and getattr(response, "is_problem", False):
            response.content_type = PROBLEM_JSON
        rendered: bytes = super().render(data, accepted_media_type, renderer_context)
        return rendered
