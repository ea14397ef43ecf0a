"""What the recovery room refuses. One class for each permanent code."""

from __future__ import annotations

from typing import ClassVar

from ground.refusals import Kind, Refusal


class RecoveryRefusal(Refusal):
    code = "recovery.refused"
    kind: ClassVar[Kind] = "conflict"
    title = "The recovery step was refused."


class NotBlank(RecoveryRefusal):
    code = "recovery.not-blank"
    title = "This unit is not waiting for a transfer."
    next_step = "A transfer goes into a blank unit, or one whose ticket was reissued."


class NoSuchRequest(RecoveryRefusal):
    code = "recovery.no-request"
    title = "This unit has no open transfer request."
    next_step = "Make a transfer request first and give it to the desk."


class NotKeyed(RecoveryRefusal):
    code = "recovery.not-keyed"
    title = "The key of this image is not on this unit."
    next_step = "Hand the image's value to the desk and install the transfer, then restore."


class RestoreRunning(RecoveryRefusal):
    code = "recovery.already-running"
    title = "A restore is running; there is never a second one beside it."
    next_step = "Wait for it, or cancel it."


class RestoreNotAllowed(RecoveryRefusal):
    code = "recovery.not-allowed"
    title = "In this state the unit cannot be restored."
    next_step = "Restore goes onto a keyed unit that has no work of its own."


class DoesNotFit(RecoveryRefusal):
    code = "recovery.does-not-fit"
    title = "The image does not fit on this unit's disk."
    next_step = "Free room, or use a unit with a larger disk."


class StreamDamaged(RecoveryRefusal):
    code = "recovery.stream-damaged"
    title = "The database in the image cannot be read."
    next_step = "Use another image; nothing on this unit was changed."


class StreamTooNew(RecoveryRefusal):
    code = "recovery.newer-release"
    title = "The image was made by a newer release than this unit runs."
    next_step = "Update this unit, then restore."


class StreamInconsistent(RecoveryRefusal):
    code = "recovery.inconsistent"
    title = "The database in the image contradicts itself."
    next_step = "Use another image; nothing on this unit was changed."


class ValueHasNoPlace(RecoveryRefusal):
    code = "recovery.value-has-no-place"
    title = "The image holds a value that this unit's database cannot keep."
    next_step = (
        "Nothing on this unit was changed. Restore onto a unit with the kind of database that the image was "
        "made on, correct the row that the facts describe, and back up again."
    )


class WritersBusy(RecoveryRefusal):
    code = "recovery.writers-busy"
    kind = "unavailable"
    title = "Some process kept the database open; the switch was not made."
    next_step = "Retry the job; everything restored so far is kept."


class NothingToConfirm(RecoveryRefusal):
    code = "recovery.nothing-to-confirm"
    title = "There is no restore whose outbound work waits for a confirmation."
    next_step = "Nothing is left to do."


class TransferNotForUs(RecoveryRefusal):
    code = "recovery.transfer-refused"
    title = "The transfer was refused by the unit's key process."
    next_step = "Ask the desk for a transfer made for this unit's newest request."


class RollbackNotAccepted(RecoveryRefusal):
    code = "recovery.target-rolled-back"
    title = "The target lacks newer images that are known to exist."
    next_step = (
        "Find the newer state of the target; or start again and accept knowingly that newer work is lost."
    )


class ImageDamaged(RecoveryRefusal):
    code = "recovery.image-damaged"
    title = "The image is damaged on its target and does not come back in part."
    next_step = "Choose another image, or bring the damaged objects back from another copy of the target."


# ---- the finder --------------------------------------------------------------------------------------------


class FinderRefusal(Refusal):
    code = "finder.refused"
    kind: ClassVar[Kind] = "invalid"
    title = "The text cannot be looked up."


class FinderEmpty(FinderRefusal):
    code = "finder.empty"
    title = "There is nothing to look for."
    next_step = "Paste a value, a header, a digest, an id, a serial number or part of a name."


class FinderTooLong(FinderRefusal):
    code = "finder.too-large"
    kind = "too-large"
    title = "The text is longer than any document."
    next_step = "Paste one document, not a file of many."


class FinderMalformed(FinderRefusal):
    code = "finder.malformed"
    title = "The text has the form of a document, but it is not whole."
    next_step = "Copy it again from its source, all of it; the facts name what is wrong with it."


class FinderSheet(FinderRefusal):
    code = "finder.sheet"
    title = "The value sheet was not read in whole."
    next_step = "Look at the line or code that is named, mend it, and paste all of them again."


class FinderUnknownDocument(FinderRefusal):
    code = "finder.unknown-type"
    title = "The document is of a type or version that this release does not know."
    next_step = "Update this unit, or look the text up where it came from."


# ---- single objects out of an image ------------------------------------------------------------------------


class ObjectsNotListed(RecoveryRefusal):
    code = "objects.not-listed"
    title = "What is in this image was not read yet."
    next_step = "Read the list of its objects first; that needs the image's key on this unit."


class ObjectUnknown(RecoveryRefusal):
    code = "objects.unknown"
    kind = "missing"
    title = "There is no such object in this image."
    next_step = "Choose one from the list of the image's objects."


class ObjectNameTaken(RecoveryRefusal):
    """Facts: name, virtual_image, same_content."""

    code = "objects.name-taken"
    title = "A virtual image of this name is there."
    next_step = "Keep both under two names, or name the one that is to be replaced."


class ReplaceNotNamed(RecoveryRefusal):
    code = "objects.replace-not-named"
    kind = "invalid"
    title = "Nothing is replaced that was not named."
    next_step = "Give the id of the virtual image to replace; it must have the name of the restored one."


class PartialNotAllowed(RecoveryRefusal):
    """Facts: state."""

    code = "objects.not-allowed"
    title = "In this state the unit takes no single object back."
    next_step = "A single object comes back into a unit in service; a whole image into a keyed one."
