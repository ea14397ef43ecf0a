"""What belongs into an image beside the database, read within the snapshot that the database is dumped in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model

from appliance.catalog.selectors import images_in_backup
from ground.db.generations import applied_migrations
from ground.db.portable import travelling
from sealing.content.manifest import ManifestObject

PEOPLE_LISTED = 2000  # in the manifest, for the preview; a record of it has at most 1 MiB


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Objects with content, the migrations of the database, and facts for a preview (names of people stand
    in the sealed manifest only)."""

    objects: tuple[ManifestObject, ...]
    migrations: dict[str, list[str]]
    facts: dict[str, Any]


def snapshot_of(alias: str) -> Snapshot:
    """Everything at once, on the connection of `alias`."""
    migrations = applied_migrations(alias)
    listed = [[app, name] for app, names in migrations.items() for name in names]
    facts = {"rows": rows_in(alias), "people": people_in(alias), "migrations": listed}
    return Snapshot(tuple(objects_in(alias)), migrations, facts)


def objects_in(alias: str) -> list[ManifestObject]:
    """Every virtual image whose content is in the store."""
    return [
        ManifestObject(
            kind="virtual-image",
            id=str(row.pk),
            name=row.name,
            recipe=row.recipe,
            size=row.size,
            sha256=row.sha256 or None,
        )
        for row in images_in_backup(alias)
    ]


def rows_in(alias: str) -> dict[str, int]:
    """Rows that travel, by table."""
    return {entry.label: entry.model._base_manager.using(alias).count() for entry in travelling()}


def people_in(alias: str) -> list[dict[str, Any]]:
    """Accounts that a restore brings back, with the state of their passwords."""
    people = get_user_model()._base_manager.using(alias).order_by("username")[:PEOPLE_LISTED]
    return [
        {
            "name": person.get_username(),
            "active": person.is_active,
            "password": person.has_usable_password(),
            "last_login": person.last_login.isoformat() if person.last_login else None,
        }
        for person in people
    ]
