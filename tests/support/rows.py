"""What a database holds of the rows that come back with an image: to compare two databases value by value."""

from __future__ import annotations

from typing import Any

from django.db import models

from appliance.backup.engine.dbformat import JsonValue, encode_value
from ground.db.portable import Declaration, travelling

Rows = dict[str, list[list[Any]]]


def image_rows(alias: str = "default") -> Rows:
    """Label → rows in order of their keys, each value in the form it has in a stream.

    Only of tables that an image replaces, and without what is sealed to one unit.
    """
    return {entry.label: _rows(entry, alias) for entry in travelling() if entry.keep == "image"}


def _rows(entry: Declaration, alias: str) -> list[list[Any]]:
    own = {field.name: field for field in entry.model._meta.concrete_fields}
    fields = [own[name] for name in entry.fields if name in own and name not in entry.sealed]
    found = entry.model._base_manager.using(alias).order_by("pk").values_list(*(f.attname for f in fields))
    return [[_form(f, v) for f, v in zip(fields, row, strict=True)] for row in found]


def _form(field: models.Field[Any, Any], value: Any) -> Any:
    return encode_value(JsonValue(value) if isinstance(field, models.JSONField) else value)
