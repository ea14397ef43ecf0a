"""Change a target's name, settings, credentials or limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from appliance.backup.actions.add_target import check_bandwidth, check_settings
from appliance.backup.actions.connect_target import connect_target
from appliance.backup.credentials import seal_credentials
from appliance.backup.errors import TargetNameTaken
from appliance.backup.models import BackupTarget
from appliance.backup.targets import check_credentials
from appliance.unit.secrets import fingerprint_of
from audit.actor import Actor
from audit.log import record

UNCHANGED: Final = -1  # as None means "no limit"


def edit_target(
    target: BackupTarget,
    *,
    actor: Actor,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    credentials: Mapping[str, str] | None = None,
    private_addresses: bool | None = None,
    bandwidth: int | None = UNCHANGED,
) -> BackupTarget:
    """Other settings lead to the same repository at another place: the marker is compared on connecting,
    and another repository there is refused. Credentials left out stay; they cannot be read, only replaced.

    Who may change where a target leads could send its credentials elsewhere: another host or endpoint asks
    for the credentials again.
    """
    if private_addresses is not None:
        target.private_addresses = private_addresses
    if settings is not None or private_addresses is not None:
        new = dict(target.settings if settings is None else settings)
        check_settings(target.kind, new, private=target.private_addresses)
        if _leads_elsewhere(target.settings, new):
            check_credentials(target.kind, credentials or {})
        target.settings = new
    if credentials is not None:
        check_credentials(target.kind, credentials)
        target.credentials = seal_credentials(target.pk, credentials)
        target.credentials_set_at = timezone.now()
    if bandwidth != UNCHANGED:
        check_bandwidth(bandwidth)
        target.bandwidth = bandwidth
    if name is not None:
        target.name = name.strip()
    with transaction.atomic():
        try:
            with transaction.atomic():
                target.save(
                    update_fields=[
                        "name",
                        "settings",
                        "credentials",
                        "credentials_set_at",
                        "private_addresses",
                        "bandwidth",
                    ]
                )
        except IntegrityError as error:
            raise TargetNameTaken(name=target.name) from error
        facts = {
            "name": target.name,
            "settings": target.settings,
            "private_addresses": target.private_addresses,
            "credentials": fingerprint_of(target.credentials),
            "bandwidth": target.bandwidth,
        }
        record("backup.target-changed", actor=actor, subject=f"backup-target:{target.id}", facts=facts)
        if settings is not None or credentials is not None or private_addresses is not None:
            connect_target(target, actor=actor)
    return target


def _leads_elsewhere(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    names = ("host", "port", "host_key", "endpoint", "region", "ca_certificate")
    return any(
        before.get(name, "") != after.get(name, "")
        for name in names
        if before.get(name) or name != "host_key"
    )
