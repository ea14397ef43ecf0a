"""``GET /healthz``: 200 once the database opens and every migration is applied; nothing else is told."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

_ready = False


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """For supervisors and load balancers; asks for no sign-in and says no more than yes or no."""
    del request
    global _ready
    try:
        connection.ensure_connection()
        if not _ready:
            executor = MigrationExecutor(connection)
            _ready = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return HttpResponse("database\n", status=503, content_type="text/plain")
    if not _ready:
        return HttpResponse("migrations\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")
