"""What the catalogue refuses."""

from __future__ import annotations

from ground.refusals import Refusal


class ImageUnknown(Refusal):
    code = "images.unknown"
    kind = "missing"
    title = "There is no such virtual image."
    next_step = "Look at the list of virtual images."


class UploadTaken(Refusal):
    code = "images.upload-taken"
    kind = "conflict"
    title = "Another virtual image is made from this upload."
    next_step = "Upload the content again for a second image, or use the first."


class ImageBusy(Refusal):
    """Facts: state."""

    code = "images.busy"
    kind = "conflict"
    title = "The engine is working on this image."
    next_step = "Cancel its job first, or wait for it."


class NothingToSeal(Refusal):
    """Facts: state."""

    code = "images.nothing-to-seal"
    kind = "conflict"
    title = "This image has nothing that could be sealed now."
    next_step = "Only an image that waits or failed, and whose content is still there, can be sealed."


class ContentLost(Refusal):
    """It was still arriving when the backup image was made from which this unit was restored."""

    code = "images.content-not-in-backup"
    kind = "missing"
    title = "The content of this image was not in the backup."
    next_step = "Upload it again, then delete this entry."
