"""Lists in pages by cursor: no COUNT, no OFFSET, stable while rows are added."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import CursorPagination as Stock


class CursorPagination(Stock):
    """``?page_size=`` up to 200; newest first unless the view sets `ordering`."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering: Any = "-created_at"
