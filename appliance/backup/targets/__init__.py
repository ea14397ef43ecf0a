"""Targets by kind: the interface, its implementations, and the marker of a repository."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.backup.errors import BadTargetSettings, CredentialsMissing, UnknownTargetKind
from appliance.backup.targets.base import ObjectStat, Target, check_name, sha256_of
from appliance.backup.targets.directory import DirectoryTarget
from appliance.backup.targets.s3 import S3Target
from appliance.backup.targets.sftp import SftpTarget

KINDS: dict[str, type[DirectoryTarget] | type[S3Target] | type[SftpTarget]] = {
    implementation.kind: implementation for implementation in (DirectoryTarget, S3Target, SftpTarget)
}
CREDENTIAL_CHARACTERS = 16_384  # the longest single credential: a private key in PEM


def open_target(
    kind: str,
    settings: Mapping[str, Any],
    credentials: Mapping[str, str] | None = None,
    *,
    private: bool = False,
) -> Target:
    """The target of a kind with its settings; touches no storage yet.

    `private` says that loopback and private addresses were allowed for this target. Without credentials a
    target that needs some can be checked, and refuses to be used.
    """
    implementation = _kind(kind)
    if implementation is DirectoryTarget:
        return DirectoryTarget.from_settings(settings)
    assert implementation is not DirectoryTarget
    return implementation.from_settings(settings, credentials or {}, private=private)  # type: ignore[call-arg]


def check_credentials(kind: str, credentials: Mapping[str, Any]) -> None:
    """Refuse credentials that cannot be right for the kind: exactly one of its sets, each of them text."""
    lawful = _kind(kind).CREDENTIALS
    given = frozenset(credentials)
    if not given and lawful:
        raise CredentialsMissing(kind=kind)
    if given and given not in lawful:
        raise BadTargetSettings(setting="credentials", wanted=[sorted(names) for names in lawful])
    for name, value in credentials.items():
        text = value if isinstance(value, str) else ""
        if not text.strip() or len(text) > CREDENTIAL_CHARACTERS or "\0" in text:
            raise BadTargetSettings(setting="credentials", wrong=name)


def _kind(kind: str) -> type[DirectoryTarget] | type[S3Target] | type[SftpTarget]:
    try:
        return KINDS[kind]
    except KeyError:
        raise UnknownTargetKind(kind=kind, known=sorted(KINDS)) from None


__all__ = ["KINDS", "ObjectStat", "Target", "check_credentials", "check_name", "open_target", "sha256_of"]
