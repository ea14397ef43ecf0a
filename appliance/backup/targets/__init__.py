"""Targets by kind: the interface, its implementations, and the marker of a repository."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.backup.errors import UnknownTargetKind
from appliance.backup.targets.base import ObjectStat, Target, check_name, sha256_of
from appliance.backup.targets.directory import DirectoryTarget

KINDS: dict[str, type[DirectoryTarget]] = {DirectoryTarget.kind: DirectoryTarget}


def open_target(kind: str, settings: Mapping[str, Any]) -> Target:
    """The target of a kind with its settings; touches no storage yet."""
    try:
        implementation = KINDS[kind]
    except KeyError:
        raise UnknownTargetKind(kind=kind, known=sorted(KINDS)) from None
    return implementation.from_settings(settings)


__all__ = ["KINDS", "ObjectStat", "Target", "check_name", "open_target", "sha256_of"]
