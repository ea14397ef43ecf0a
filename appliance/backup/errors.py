"""What the backup room refuses. One class for each permanent code."""

from __future__ import annotations

from typing import ClassVar

from ground.refusals import Kind, Refusal

# ---- targets ---------------------------------------------------------------------------------------


class TargetRefusal(Refusal):
    """Root of everything a target can refuse."""

    code = "target.refused"
    kind: ClassVar[Kind] = "unavailable"
    title = "The backup target refused."


class TargetAbsent(TargetRefusal):
    code = "target.absent"
    title = "The backup target is not there."
    next_step = "Check that the disk is connected and mounted, and that the path is right."


class TargetUnreachable(TargetRefusal):
    code = "target.unreachable"
    title = "The backup target does not answer as storage should."
    next_step = "Look at the storage behind the target; the job can be retried when it answers again."


class TargetReadOnly(TargetRefusal):
    code = "target.read-only"
    title = "The backup target cannot be written to."
    next_step = "Mount it writable and give the unit's user the right to write there."


class TargetFull(TargetRefusal):
    code = "target.full"
    title = "The backup target is full."
    next_step = "Free room on it or connect another target; what was sent is kept and not sent again."


class TargetTooSlow(TargetRefusal):
    code = "target.timeout"
    title = "The backup target took too long."
    next_step = "Check the storage and retry the job; it goes on where it stopped."


class NotARepository(TargetRefusal):
    code = "target.not-a-repository"
    kind = "conflict"
    title = "There is something at this place, but no repository."
    next_step = "Name an empty directory to start a repository, or the directory that holds one."


class RepositoryOfAnother(TargetRefusal):
    code = "target.wrong-customer"
    kind = "conflict"
    title = "This repository belongs to another customer."
    next_step = "Connect the target of this unit's own customer."


class RepositoryChanged(TargetRefusal):
    code = "target.other-repository"
    kind = "conflict"
    title = "Another repository lies where this target's used to be."
    next_step = "Connect the right disk, or remove the target here and add the new one."


class RepositoryTooNew(TargetRefusal):
    code = "target.unknown-version"
    kind = "conflict"
    title = "The repository was written by a newer release."
    next_step = "Update this unit, then connect the target again."


class UnknownTargetKind(TargetRefusal):
    code = "target.unknown-kind"
    kind = "invalid"
    title = "There is no such kind of target."
    next_step = "Choose one of the kinds listed."


class BadTargetSettings(TargetRefusal):
    code = "target.bad-settings"
    kind = "invalid"
    title = "The target's settings cannot be right."
    next_step = (
        "Correct the setting named; the directory of a directory target lies outside the unit's own site."
    )


class BadObjectName(TargetRefusal):
    code = "target.bad-name"
    kind = "invalid"
    title = "An object name is not lawful."
    next_step = "This is a mistake in the program; report it."


class CredentialsRefused(TargetRefusal):
    code = "target.credentials-refused"
    title = "The backup target does not accept the credentials."
    next_step = "Enter valid credentials; what was sent is kept and not sent again."


class CredentialsMissing(TargetRefusal):
    code = "target.no-credentials"
    kind = "conflict"
    title = "The target has no credentials on this unit."
    next_step = "Enter the target's credentials."


class ClockSkewed(TargetRefusal):
    code = "target.clock-skewed"
    title = "The backup target says that this unit's clock is wrong."
    next_step = "Set the unit's clock (or the storage's), then retry the job."


class HostKeyUnknown(TargetRefusal):
    code = "target.host-key-unknown"
    kind = "conflict"
    title = "The server's host key is not pinned yet; nothing was sent."
    next_step = "Compare the fingerprint found with the server's own, and enter it in the target's settings."


class HostKeyChanged(TargetRefusal):
    code = "target.host-key-changed"
    kind = "conflict"
    title = "The server shows another host key than the pinned one; nothing was sent."
    next_step = "Ask who runs the server. Enter the new fingerprint only if they confirm that it is theirs."


class ListingIncomplete(TargetRefusal):
    code = "target.listing-incomplete"
    title = "The target's listing leaves out objects that are there."
    next_step = "Nothing was concluded from it. Look at the storage and connect the target again."


class TargetIsCopy(TargetRefusal):
    code = "target.is-a-copy"
    kind = "conflict"
    title = "This target holds a copy of another target's repository; no backup is written to it."
    next_step = (
        "Back up to the original and copy, or remove the original here: the copy then takes its place."
    )


class CopyRefused(TargetRefusal):
    code = "target.cannot-copy"
    kind = "conflict"
    title = "These images cannot be copied there."
    next_step = "Choose committed images of the source and another target than the source."


class ObjectMissing(TargetRefusal):
    code = "target.object-missing"
    kind = "conflict"
    title = "An object is missing on the target."
    next_step = "Verify the images on this target; those that need the object cannot be restored from here."


class ObjectCorrupt(TargetRefusal):
    code = "target.object-damaged"
    kind = "conflict"
    title = "An object on the target is not what it should be."
    next_step = "Verify the images on this target and make a new backup to a sound one."

    @property
    def is_oversized(self) -> bool:
        """Larger than its kind may be: told by its size alone, not a byte of it was read."""
        return "limit" in self.facts


class ObjectConflict(TargetRefusal):
    code = "target.object-conflict"
    kind = "conflict"
    title = "Another object lies under this name on the target."
    next_step = "Verify the images on this target; something else has written there."


class TargetInUse(TargetRefusal):
    code = "target.in-use"
    kind = "conflict"
    title = "The target is in use."
    next_step = "Wait for the job named, or cancel it."


class TargetNameTaken(TargetRefusal):
    code = "target.name-taken"
    kind = "conflict"
    title = "A target of this name exists."
    next_step = "Choose another name."


# ---- images ----------------------------------------------------------------------------------------


class ImageRefusal(Refusal):
    code = "image.refused"
    kind: ClassVar[Kind] = "conflict"
    title = "The backup image was refused."


class ImageOfAnother(ImageRefusal):
    code = "image.wrong-customer"
    title = "The image belongs to another customer."
    next_step = "Use images of this unit's own customer; nothing was read from this one."


class ImageForged(ImageRefusal):
    code = "image.bad-signature"
    title = "The image's header was not signed by a unit this one trusts."
    next_step = "Do not use this image. If it should be yours, compare the target with another copy."


class ImageMisplaced(ImageRefusal):
    code = "image.misplaced"
    title = "The header does not belong where it lies."
    next_step = "Do not use this image; the target was altered. Compare it with another copy."


class ImageRolledBack(ImageRefusal):
    code = "image.rolled-back"
    title = "The target was rolled back: newer images than those present are known to exist."
    next_step = "Look for the newer state of this target, or restore knowingly from what is there."


class ChainBroken(ImageRefusal):
    code = "image.chain-broken"
    title = "An image of the chain is missing or was exchanged."
    next_step = "The target was altered. Compare it with another copy before you rely on it."


class PackMissing(ImageRefusal):
    code = "image.pack-missing"
    title = "A pack that the image needs is missing on the target."
    next_step = "Use another image, or bring the pack back from another copy of the target."


class PackDamaged(ImageRefusal):
    code = "image.pack-damaged"
    title = "A pack that the image needs is damaged on the target."
    next_step = "Use another image, or bring the pack back from another copy of the target."


class ManifestDamaged(ImageRefusal):
    code = "image.manifest-damaged"
    title = "The image's sealed manifest is missing or damaged."
    next_step = "Use another image, or bring the file back from another copy of the target."


class PackListDamaged(ImageRefusal):
    code = "image.pack-list-damaged"
    title = "The image's list of packs is missing or damaged."
    next_step = "Use another image, or bring the file back from another copy of the target."


class HeaderMissing(ImageRefusal):
    code = "image.header-missing"
    title = "The image's header is missing on the target."
    next_step = "Connect the target again to see what is there now."


class ContentDamaged(ImageRefusal):
    code = "image.content-damaged"
    title = "The image's content does not open."
    next_step = "Use another image; a damaged one never comes back in part."


class ImageNotUsable(ImageRefusal):
    code = "image.not-committed"
    title = "The image is not finished or was removed."
    next_step = "Choose a committed image."


# ---- making one ------------------------------------------------------------------------------------


class BackupRefused(Refusal):
    code = "backup.refused"
    kind: ClassVar[Kind] = "conflict"
    title = "No backup was made."


class NoActiveKey(BackupRefused):
    code = "backup.no-active-key"
    title = "No backup without an active key: nothing was written."
    next_step = "Make, lodge and drill a key first; content is never written in clear instead."


class KeyNotProven(BackupRefused):
    code = "backup.key-not-proven"
    title = "No backup under a key whose value is not proven."
    next_step = "Drill the value, or have it waived; until then nothing is written."


class MustRotate(BackupRefused):
    code = "backup.must-rotate"
    title = "This unit was restored and must rotate its key before its first backup."
    next_step = "Rotate the key; the imported keys only open."


class StoreDamaged(BackupRefused):
    code = "backup.store-damaged"
    title = "A pack in the unit's own store is damaged; the backup stopped and committed nothing."
    next_step = "Restore the content concerned from the last verified image."


class InTheClear(BackupRefused):
    code = "backup.in-the-clear"
    title = "Something about to leave the unit was not sealed; the backup stopped."
    next_step = "This is a mistake in the program; report it. Nothing was committed."


class SelfTestFailed(BackupRefused):
    code = "backup.self-test-failed"
    title = "The finished image did not pass its own test."
    next_step = "Look at the target and make another backup; this one is marked damaged."


class ReceiptRefused(BackupRefused):
    code = "backup.receipt-refused"
    title = "The desk's receipt for the repository head does not hold."
    next_step = "Tell the manufacturer; the head counts as not lodged."


# ---- retention -------------------------------------------------------------------------------------


class RetentionRefused(Refusal):
    code = "retention.refused"
    kind: ClassVar[Kind] = "invalid"
    title = "The retention policy was refused."


class KeepsNothing(RetentionRefused):
    code = "retention.keeps-nothing"
    title = "This policy would keep no image at all."
    next_step = "Give at least one of its rules a number above zero."


class BadRetentionRule(RetentionRefused):
    code = "retention.bad-rule"
    title = "A rule of the retention policy cannot be meant."
    next_step = "Correct the rule named: counts within bounds, a time zone like Europe/Berlin."


class ImageHeld(ImageRefusal):
    code = "retention.image-held"
    title = "This image must stay."
    next_step = "Make and verify a newer image, or end its protection, and try again."


class PruneRefused(Refusal):
    code = "prune.refused"
    kind: ClassVar[Kind] = "conflict"
    title = "Nothing was deleted."


class NoRetentionPolicy(PruneRefused):
    code = "prune.no-policy"
    title = "This target has no retention policy, so nothing on it expires."
    next_step = "Draw up a policy and look at its preview first."


class EvidenceLacking(PruneRefused):
    code = "prune.evidence-lacking"
    title = "Nothing was deleted: what the target shows is not all that is known to lie on it."
    next_step = "Look whether the right storage is mounted and whole, then connect the target again."


class OutboundIsPaused(PruneRefused):
    code = "prune.outbound-paused"
    title = "Nothing is deleted while outbound work is paused after a restore."
    next_step = "Confirm that this unit may act outward again."


class DeletionBegun(ImageRefusal):
    code = "retention.deletion-begun"
    title = "The deletion of this image has begun and will be finished."
    next_step = "Use another image."
