"""State changes as compare-and-swap.

A state never changes by "read, then save": the check and the change are one UPDATE, which every
database engine runs atomically. (SQLite ignores ``select_for_update``; it does not ignore this.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import QuerySet

from ground.refusals import Stale


def transition(
    what: models.Model | QuerySet[Any], field: str, from_: Any | Iterable[Any], to: Any, **sets: Any
) -> None:
    """Move `what`.`field` from one of `from_` to `to` in one UPDATE, setting `sets` beside it.

    `what` is a row or a queryset that selects one row (its filters are part of the comparison).
    Raises `Stale` when the row is not in a state of `from_` any more (or not there at all); nothing
    was written then. A row handed in gets the new values as attributes.
    """
    if not swap(what, field, from_, to, **sets):
        raise Stale(**_describe(what, field, to))


def swap(
    what: models.Model | QuerySet[Any], field: str, from_: Any | Iterable[Any], to: Any, **sets: Any
) -> bool:
    """As `transition`, but say False instead of raising: for racing workers, to whom losing is normal."""
    rows: QuerySet[Any]
    if isinstance(what, QuerySet):
        rows = what
    else:
        # The alias the row came from: a row of a scratch database is not changed in the live one.
        rows = type(what)._base_manager.using(what._state.db or "default").filter(pk=what.pk)
    states = [from_] if isinstance(from_, str) or not isinstance(from_, Iterable) else list(from_)
    moved = rows.filter(**{f"{field}__in": states}).update(**{field: to}, **sets)
    if moved > 1:
        raise AssertionError(f"a compare-and-swap moved {moved} rows of {rows.model.__name__}")
    if moved and isinstance(what, models.Model):
        for name, value in {field: to, **sets}.items():
            if hasattr(value, "resolve_expression"):
                what.refresh_from_db(fields=[name])
            else:
                setattr(what, name, value)
    return moved == 1


def _describe(what: models.Model | QuerySet[Any], field: str, to: Any) -> dict[str, Any]:
    if isinstance(what, QuerySet):
        return {"thing": what.model._meta.verbose_name, "wanted": str(to)}
    now = type(what)._base_manager.filter(pk=what.pk).values_list(field, flat=True).first()
    return {
        "thing": str(type(what)._meta.verbose_name),
        "id": str(what.pk),
        "wanted": str(to),
        "is": None if now is None else str(now),
    }
