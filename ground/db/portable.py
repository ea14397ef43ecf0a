"""What becomes of every row and field when a unit's database travels in a backup image.

One call of `portable` for each model, in the `portable.py` of the room that owns the model (third-party
models: `config/portable.py`). Every field of the model is named: `fields` for what travels, `drop` for
what stays behind. A model or field without an entry fails the suite, so a new field cannot be forgotten.

keep:
  image   the image's rows replace the unit's (people, catalogue, settings)
  unit    the unit's own rows stay, the image's are ignored (jobs, sessions, tokens, identity)
  merge   both are joined by `merge`, a dotted path to ``f(source_alias, target_alias)`` called by the
          restore after the image's rows are loaded (event log, sequences)
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from django.apps import apps
from django.db.models import Field, Model
from django.utils.module_loading import import_string

Keep = Literal["image", "unit", "merge"]


@dataclass(frozen=True)
class Declaration:
    """How one model travels. `fields` and `drop` together name every concrete and many-to-many field."""

    label: str  # "app_label.Model"
    keep: Keep
    fields: tuple[str, ...]
    drop: tuple[str, ...]
    merge: str
    note: str
    sealed: tuple[str, ...] = ()

    @property
    def model(self) -> type[Model]:
        return apps.get_model(self.label)


_declared: dict[str, Declaration] = {}


def portable(
    model: type[Model] | str,
    keep: Keep,
    fields: Sequence[str] = (),
    drop: Sequence[str] = (),
    *,
    merge: str = "",
    note: str = "",
    sealed: Sequence[str] = (),
) -> Declaration:
    """Declare `model` (class, or "app_label.Model"). A dropped field gets its default on restore.

    `sealed` names fields that hold secrets sealed to this unit's engine: they travel opened inside the sealed
    stream, and are sealed again to the unit that restores, before they touch its database.

    Raises ValueError on a second declaration, an unknown `keep`, or a `merge` without a function.
    """
    label = model if isinstance(model, str) else model._meta.label
    if keep not in get_args(Keep):
        raise ValueError(f"{label}: keep is {keep!r}, not one of {get_args(Keep)}")
    if (keep == "merge") != bool(merge):
        raise ValueError(f"{label}: keep='merge' and merge='dotted.path' belong together")
    if not set(sealed) <= set(fields) or (sealed and "id" not in fields):
        raise ValueError(f"{label}: sealed fields travel, and with the id of their row")
    entry = Declaration(label, keep, tuple(fields), tuple(drop), merge, note, tuple(sealed))
    if _declared.get(label, entry) != entry:
        raise ValueError(f"{label} is declared twice")
    _declared[label] = entry
    return entry


def load_declarations() -> None:
    """Import `portable.py` of every installed app, and `config.portable` for third-party models."""
    for config in apps.get_app_configs():
        _import_if_there(f"{config.name}.portable")
    _import_if_there("config.portable")


def declarations() -> dict[str, Declaration]:
    """All declarations of installed models by label, after loading them."""
    load_declarations()
    installed = {model._meta.label for model in _all_models()}
    return {label: entry for label, entry in sorted(_declared.items()) if label in installed}


def declaration(model: type[Model] | str) -> Declaration:
    """The declaration of one model; KeyError if nobody made one."""
    return declarations()[model if isinstance(model, str) else model._meta.label]


def travelling() -> list[Declaration]:
    """Declarations whose rows go into an image (image and merge)."""
    return [entry for entry in declarations().values() if entry.keep != "unit"]


def undeclared() -> list[str]:
    """Labels of models without a declaration, and "label.field" of fields one forgot or invented."""
    found: list[str] = []
    known = declarations()
    for model in _all_models():
        label = model._meta.label
        entry = known.get(label)
        if entry is None:
            found.append(label)
            continue
        if entry.keep == "merge":
            import_string(entry.merge)
        if entry.keep == "unit" and not entry.fields and not entry.drop:
            continue  # nothing of it travels, whatever fields it has
        named = [*entry.fields, *entry.drop]
        real = field_names(model)
        found += [f"{label}.{name}" for name in sorted(set(real) ^ set(named))]
        found += [f"{label}.{name} twice" for name in sorted({n for n in named if named.count(n) > 1})]
    return found


def field_names(model: type[Model]) -> list[str]:
    """Names of all concrete and many-to-many fields of a model."""
    concrete: Iterable[Field[Any, Any]] = model._meta.concrete_fields
    return [field.name for field in concrete] + [field.name for field in model._meta.many_to_many]


def _all_models() -> list[type[Model]]:
    # Automatic many-to-many tables travel as a field of their owner, not as a model of their own.
    return [
        model
        for model in apps.get_models()
        if model._meta.managed and not model._meta.proxy and not model._meta.swapped
    ]


def _import_if_there(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
