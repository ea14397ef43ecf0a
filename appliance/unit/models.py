"""The unit as its own database knows it: one row.

Identity, owner and keys are the key process's to say; the row follows it (`engine.follow`), so that pages and
REST can read it without speaking to that process. State, desk address and the pause of outbound work are the
row's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db import models

from ground.db.models import BaseModel


class Unit(BaseModel):
    """This unit.

    ::

        blank ──transfer installed──▶ keyed ──restore begins──▶ restoring ──switched──▶ must_rotate
          │                             ▲                           │                       │
          │                             └──────restore failed───────┘                       │ new key active
          └──first installation──▶ in_service ◀─────────────────────────────────────────────┘
                                       │  ▲
             a key is in doubt         ▼  │ new key active
                                    must_rotate

        any ──▶ tampered ──▶ retired

    The key process has the last word on sealing: its own must_rotate holds whatever stands here.
    """

    class State(models.TextChoices):
        BLANK = "blank", "blank"
        KEYED = "keyed", "keyed, nothing restored yet"
        RESTORING = "restoring", "restoring"
        MUST_ROTATE = "must_rotate", "restored, waiting for a key of its own"
        IN_SERVICE = "in_service", "in service"
        TAMPERED = "tampered", "tampered with"
        RETIRED = "retired", "retired"

    only = models.BooleanField(default=True, unique=True, editable=False)  # one row, by the database's word
    serial = models.CharField(max_length=40)
    model = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.BLANK)
    state_changed_at = models.DateTimeField(null=True)
    certificate_thumbprint = models.CharField(max_length=43)
    device_record = models.TextField()
    vault_class = models.CharField(max_length=20)
    spool_public_key = models.TextField()  # base64url; whoever takes uploads seals to it
    customer_id = models.UUIDField(null=True)
    customer_name = models.CharField(max_length=120, blank=True)
    appliance_id = models.UUIDField(null=True)
    appliance_name = models.CharField(max_length=120, blank=True)
    replaces_serial = models.CharField(max_length=40, blank=True)
    authority_list = models.TextField()
    authority_list_version = models.PositiveIntegerField(default=0)
    authority_list_seen_at = models.DateTimeField(null=True)  # last time the desk was asked for a newer one
    desk_url = models.CharField(max_length=300, blank=True)
    desk_reached_at = models.DateTimeField(null=True)
    outbound_paused = models.BooleanField(default=False)
    outbound_paused_why = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "unit"
        constraints = [
            models.CheckConstraint(condition=models.Q(only=True), name="appliance_unit_only_one"),
        ]

    def __str__(self) -> str:
        return self.serial


_S = Unit.State
ARROWS: Final[Mapping[str, frozenset[str]]] = {
    _S.BLANK: frozenset({_S.KEYED, _S.IN_SERVICE, _S.TAMPERED}),
    _S.KEYED: frozenset({_S.RESTORING, _S.TAMPERED}),
    _S.RESTORING: frozenset({_S.KEYED, _S.MUST_ROTATE, _S.TAMPERED}),
    _S.MUST_ROTATE: frozenset({_S.IN_SERVICE, _S.RESTORING, _S.TAMPERED}),
    _S.IN_SERVICE: frozenset({_S.MUST_ROTATE, _S.RESTORING, _S.TAMPERED}),
    _S.TAMPERED: frozenset({_S.RETIRED}),
    _S.RETIRED: frozenset(),
}
