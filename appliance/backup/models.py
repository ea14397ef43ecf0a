"""Targets and images as this unit knows them.

The rows are a catalogue of what lies on the targets. The truth is there, in signed headers: the rows of
images can be thrown away and rebuilt by connecting the target again (`engine.survey`).
"""

from __future__ import annotations

from django.db import models

from ground.db.models import BaseModel


class BackupTarget(BaseModel):
    """A place outside the unit.

    ::

        new ──connect──▶ ready ◀──connect──▶ refused

    The engine moves it, by looking. `refused` keeps the last refusal in `problem`; a backup that runs
    into one moves it too.
    """

    class State(models.TextChoices):
        NEW = "new", "not connected yet"
        READY = "ready", "ready"
        REFUSED = "refused", "refused"

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20)
    settings = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.NEW)
    repository_id = models.UUIDField(null=True, blank=True)
    customer_id = models.UUIDField(null=True, blank=True)  # from the marker
    checked_at = models.DateTimeField(null=True, blank=True)
    free_bytes = models.BigIntegerField(null=True, blank=True)
    problem = models.JSONField(null=True, blank=True)
    # What the last look found that is not an image: forged, misplaced or foreign headers, by name.
    findings = models.JSONField(default=list)
    # The newest head of any chain known for this target, and up to when that proves freshness.
    fresh_to = models.DateTimeField(null=True, blank=True)
    freshness = models.CharField(max_length=12, default="unknown")  # proven | dated | rolled-back | unknown
    # Sealed to the engine's key when they are given (`appliance.unit.secrets`); never shown, never echoed.
    credentials = models.TextField(blank=True)
    credentials_set_at = models.DateTimeField(null=True, blank=True)
    private_addresses = models.BooleanField(default=False)  # loopback and private ones were allowed
    bandwidth = models.PositiveBigIntegerField(null=True, blank=True)  # bytes a second; None: no limit
    # The target of which this one holds a copy: nothing but copies is ever written here.
    copy_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="copies"
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def lets_go(self) -> bool:
        """Whether what lies there goes some day: by its policy, or for a copy by that of its original.
        Without one every image stays, and every pack it names."""
        return hasattr(self.copy_of or self, "retention")


class ImageCopy(BaseModel):
    """An image whose row belongs to one target lies on a copy of it, too: its signed header was seen there.
    As the catalogue, it can be thrown away and made again by looking."""

    image = models.ForeignKey("BackupImage", on_delete=models.CASCADE, related_name="copies")
    target = models.ForeignKey(BackupTarget, on_delete=models.CASCADE, related_name="copied_images")
    found_at = models.DateTimeField()
    copied_at = models.DateTimeField(null=True, blank=True)  # by a copy job; None: only seen

    class Meta:
        ordering = ("-found_at",)
        constraints = [
            models.UniqueConstraint(fields=["image", "target"], name="one_copy_of_an_image_on_a_target")
        ]

    def __str__(self) -> str:
        return f"copy of {self.image_id}"


class BackupImage(BaseModel):
    """One image on one target; the row's id is the image's id.

    ::

        writing ──header durable──▶ committed ──verify──▶ verified ◀──verify──▶ damaged
           │                            │                    │                     │
           ▼ (job ended without it)     └────────────────────┴─────▶ expired ──▶ deleted
        abandoned                                      (back, within grace) ◀──┘

    `writing` moves to `committed` only after the header lies durably under its final name. Failed
    verification (`damaged`, with `problem`) is not the same as never verified (`committed`). An expired image
    lies on the target whole and can be restored; once `deletion` holds its signed record there is no way
    back, and the deletion is finished whenever it was interrupted.
    """

    class State(models.TextChoices):
        WRITING = "writing", "being written"
        ABANDONED = "abandoned", "not finished"
        COMMITTED = "committed", "not yet verified"
        VERIFIED = "verified", "verified"
        DAMAGED = "damaged", "damaged"
        EXPIRED = "expired", "expired"
        DELETED = "deleted", "deleted"

    class Proof(models.TextChoices):
        DRILLED = "drilled", "drilled"
        WAIVED = "waived", "waived"

    USABLE = (State.COMMITTED, State.VERIFIED, State.DAMAGED)
    RESTORABLE = (*USABLE, State.EXPIRED)

    target = models.ForeignKey(BackupTarget, on_delete=models.PROTECT, related_name="images")
    state = models.CharField(max_length=10, choices=State, default=State.WRITING)
    job_id = models.UUIDField(null=True, blank=True)  # that writes it
    # Who wrote it, and its place in that unit's chain on this target.
    own = models.BooleanField(default=False)
    serial = models.CharField(max_length=64)
    chain = models.CharField(max_length=64)
    sequence = models.PositiveBigIntegerField()
    header = models.TextField(blank=True)
    header_digest = models.CharField(max_length=64, blank=True)  # as documents name it: SHA-384, base64url
    link_digest = models.CharField(max_length=64, blank=True)  # as the next header names it: SHA-256, hex
    customer_id = models.UUIDField()
    appliance_id = models.UUIDField(null=True, blank=True)
    key_id = models.CharField(max_length=64, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    proof = models.CharField(max_length=10, choices=Proof, blank=True)
    # When, and how much.
    made_at = models.DateTimeField(null=True, blank=True)
    content_bytes = models.BigIntegerField(default=0)  # of the content, as people see it
    stored_bytes = models.BigIntegerField(default=0)  # of all packs the image needs
    new_bytes = models.BigIntegerField(default=0)  # of the packs that were sent for it
    object_count = models.PositiveIntegerField(default=0)  # virtual images in it
    pack_count = models.PositiveIntegerField(default=0)
    # Proof that it is whole: storage against digests (needs no key), and every chunk opened.
    checked_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    problem = models.JSONField(null=True, blank=True)
    head = models.TextField(blank=True)  # signed repository head, of own images
    head_lodged_at = models.DateTimeField(null=True, blank=True)
    restored_at = models.DateTimeField(null=True, blank=True)  # this unit was restored from it
    preview = models.JSONField(null=True, blank=True)  # from the sealed manifest, on a keyed unit
    # Held by a person, whatever the policy says.
    protected_at = models.DateTimeField(null=True, blank=True)
    protected_by = models.CharField(max_length=150, blank=True)
    protected_why = models.CharField(max_length=300, blank=True)
    # Retention: marked, then deleted (`deletion`: the signed record, stored before anything is removed).
    expired_at = models.DateTimeField(null=True, blank=True)
    expired_from = models.CharField(max_length=10, blank=True)  # the state to go back to
    expired_by = models.CharField(max_length=10, blank=True)  # retention | by-hand
    deletion = models.TextField(blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-made_at", "-sequence")
        constraints = [
            models.UniqueConstraint(
                fields=["target", "chain", "sequence"],
                condition=~models.Q(state="abandoned"),
                name="one_image_for_a_place_in_a_chain",
            ),
        ]
        indexes = [
            models.Index(fields=["target", "state", "made_at"], name="backup_image_by_target"),
            models.Index(fields=["key_id", "state", "target", "made_at"], name="backup_image_by_key"),
            models.Index(fields=["made_at"], name="backup_image_by_time"),
            models.Index(fields=["created_at"], name="backup_image_by_begin"),
            models.Index(fields=["state", "created_at"], name="backup_image_by_state"),
            models.Index(fields=["state", "made_at"], name="backup_image_of_state"),
            models.Index(fields=["target", "made_at"], name="backup_image_of_target"),
            models.Index(fields=["key_id", "made_at"], name="backup_image_of_key"),
            models.Index(fields=["serial", "made_at"], name="backup_image_of_serial"),
            models.Index(fields=["chain"], name="backup_image_of_chain"),
            models.Index(fields=["header_digest"], name="backup_image_by_digest"),
            models.Index(fields=["link_digest"], name="backup_image_by_link"),
        ]

    def __str__(self) -> str:
        return f"image {self.sequence} of {self.serial}"


class ImageTally(models.Model):
    """How many images of a key stand on a target in a state. The database keeps it (`tally_ddl`); nothing
    here writes it, and it travels nowhere: wherever image rows are written, it counts them."""

    id = models.CharField(max_length=140, primary_key=True)
    target_id = models.UUIDField()
    key_id = models.CharField(max_length=64)
    state = models.CharField(max_length=10)
    images = models.PositiveIntegerField()

    class Meta:
        managed = False

    def __str__(self) -> str:
        return f"{self.images} {self.state} of {self.key_id}"


class RetentionPolicy(BaseModel):
    """What a target keeps. Without a row nothing on it ever expires. The rules mean what
    `appliance.backup.retention.policy` says."""

    target = models.OneToOneField(BackupTarget, on_delete=models.CASCADE, related_name="retention")
    keep_last = models.PositiveIntegerField(default=0)
    hourly = models.PositiveIntegerField(default=0)
    daily = models.PositiveIntegerField(default=0)
    weekly = models.PositiveIntegerField(default=0)
    monthly = models.PositiveIntegerField(default=0)
    yearly = models.PositiveIntegerField(default=0)
    within_days = models.PositiveIntegerField(default=0)
    time_zone = models.CharField(max_length=64, default="UTC")
    grace_days = models.PositiveIntegerField(default=7)  # from marked to deleted
    quota_percent = models.PositiveIntegerField(default=50)  # of the target's images, deleted in one run
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"retention of {self.target_id}"


class LoosePack(BaseModel):
    """A pack on a target that no image's list named when this unit looked. It is collected once it was found
    so again after the grace: a backup that is being sent has packs before it has a list."""

    target = models.ForeignKey(BackupTarget, on_delete=models.CASCADE, related_name="loose_packs")
    digest = models.CharField(max_length=64)
    size = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["target", "digest"], name="one_loose_pack")]

    def __str__(self) -> str:
        return self.digest


class TargetUse(BaseModel):
    """What the packs on a target were there for when this unit last looked (`engine.use`)."""

    target = models.OneToOneField(BackupTarget, on_delete=models.CASCADE, related_name="use")
    looked_at = models.DateTimeField()
    images = models.PositiveIntegerField(default=0)
    stored_bytes = models.BigIntegerField(default=0)  # of all packs there
    needed_bytes = models.BigIntegerField(default=0)  # of packs that hold what this unit has now
    dead_bytes = models.BigIntegerField(default=0)  # inside those: chunks that nothing on this unit needs
    older_bytes = models.BigIntegerField(default=0)  # of packs that only older images need
    loose_bytes = models.BigIntegerField(default=0)  # of packs that no image needs
    problem = models.CharField(max_length=300, blank=True)  # why nobody knows

    def __str__(self) -> str:
        return f"use of {self.target_id}"
