"""REST of the event log: read, verify, export. Nothing here writes."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import log, selectors
from audit.api import serializers as shapes
from audit.csv_export import rows_as_csv
from audit.models import Event
from ground.rest.pagination import CursorPagination
from ground.rest.permissions import HasRole

# The same people as on the page: who meets a refusal can look up the event it stands under.
READERS = HasRole("admin", "auditor", "clerk", "approver", "custodian")


class EventFilter(filters.FilterSet):
    after = filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    before = filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")
    action = filters.CharFilter(lookup_expr="startswith")

    class Meta:
        model = Event
        fields = ["action", "outcome", "actor_kind", "actor_id", "subject", "chain"]


class NewestFirst(CursorPagination):
    ordering: Any = ("-at", "-sequence")


class EventsView(ListAPIView[Event]):
    """What was done, by whom, when; newest first."""

    serializer_class = shapes.EventSerializer
    permission_classes = [READERS]
    pagination_class = NewestFirst
    filterset_class = EventFilter
    queryset = selectors.events()


class HeadView(APIView):
    """The newest event's digest: note it down to notice a rewritten log later."""

    permission_classes = [READERS]

    @extend_schema(responses=shapes.HeadSerializer)
    def get(self, request: Request) -> Response:
        return Response(shapes.HeadSerializer(log.head()).data)


class VerifyView(APIView):
    """Read the whole log and check it."""

    permission_classes = [READERS]

    @extend_schema(responses=shapes.VerdictSerializer)
    def get(self, request: Request) -> Response:
        return Response(shapes.VerdictSerializer(log.verify_chain()).data)


class ExportView(APIView):
    """The log as CSV, oldest first, safe to open in a spreadsheet."""

    permission_classes = [READERS]

    @extend_schema(responses={(200, "text/csv"): OpenApiResponse(response=str)})
    def get(self, request: Request) -> Any:
        rows = selectors.events().order_by("at", "sequence").iterator(chunk_size=1_000)
        # Collected before it is sent: a stream that a slow client drags on would hold the database open.
        body = "".join(rows_as_csv(rows)).encode()
        headers = {"Content-Disposition": 'attachment; filename="events.csv"'}
        return HttpResponse(body, content_type="text/csv; charset=utf-8", headers=headers)
