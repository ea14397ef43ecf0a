"""What the content room refuses."""

from __future__ import annotations

from ground.refusals import Refusal


class NoActiveKey(Refusal):
    """Nothing may be sealed: no key is active, or its value is not proven."""

    code = "content.no-active-key"
    kind = "unavailable"
    title = "Content cannot be sealed: this unit has no active key."
    next_step = "It waits in the sealed spool and is taken as soon as a key is active."


class StoreBusy(Refusal):
    """Another process writes to the store."""

    code = "content.store-busy"
    kind = "unavailable"
    title = "The content store is in use by another job."
    next_step = "Wait for the running job, or look at the job list."


class StoreFenced(Refusal):
    """This writer was replaced by a newer one; nothing of it becomes visible any more."""

    code = "content.store-fenced"
    kind = "conflict"
    title = "Another job took over the content store."
    next_step = "Nothing to do: the other job carries on."


class IndexUnreadable(Refusal):
    code = "content.index-unreadable"
    kind = "unavailable"
    title = "The index of the content store cannot be read."
    next_step = "The next job that writes rebuilds it from the packs."


class PackMissing(Refusal):
    """A pack that the index or a recipe names is not there."""

    code = "content.pack-missing"
    kind = "missing"
    title = "A pack of the content store is missing."
    next_step = "Restore it from a backup image; verify the store to see what else is affected."


class PackDamaged(Refusal):
    """A pack is not what its digest, its seal or its format says. Facts: pack, reason."""

    code = "content.pack-damaged"
    kind = "invalid"
    title = "A pack is damaged."
    next_step = "Take this pack from another copy; what it holds cannot be read from this one."


class PackOtherKey(Refusal):
    """A pack is sound, but was sealed under another key than the one held under that id."""

    code = "content.pack-other-key"
    kind = "invalid"
    title = "A pack was sealed under another key."
    next_step = "Use the keys of the image this pack belongs to."


class KeyNotHeld(Refusal):
    """The data key or id key needed is not on this unit."""

    code = "content.key-not-held"
    kind = "unavailable"
    title = "The key for this content is not on this unit."
    next_step = "Install the transfer that carries it."


class RecipeUnknown(Refusal):
    code = "content.recipe-unknown"
    kind = "missing"
    title = "The store holds no such object."
    next_step = "It may have been removed; restore it from a backup image."


class ContentIncomplete(Refusal):
    """Chunks that a recipe names are not in the store. Facts: recipe, missing."""

    code = "content.incomplete"
    kind = "missing"
    title = "Parts of this object are missing from the store."
    next_step = "Restore the packs that hold them from a backup image."


class ContentChanged(Refusal):
    code = "content.changed-while-read"
    kind = "conflict"
    title = "The file changed while it was taken in."
    next_step = "Stop whatever writes to it, then import it again."


class SourceUnreadable(Refusal):
    code = "content.source-unreadable"
    kind = "invalid"
    title = "The file cannot be read."
    next_step = "Check the path, and that the engine's user may read it."


class DigestMismatch(Refusal):
    """The content is not what its declared SHA-256 says. Facts: declared, found."""

    code = "content.digest-mismatch"
    kind = "invalid"
    title = "The content is not what its declared SHA-256 says."
    next_step = "Check the source and send it again."


class SpoolDamaged(Refusal):
    """A spooled segment is missing or does not open. Facts: upload, offset, reason."""

    code = "content.spool-damaged"
    kind = "invalid"
    title = "The uploaded content in the spool is damaged."
    next_step = "Send it again."


class StoreFull(Refusal):
    code = "content.store-full"
    kind = "unavailable"
    title = "The disk of the content store is full."
    next_step = "Free space or enlarge the disk, then retry the job: it goes on where it stopped."


class EvidenceLacking(Refusal):
    """What is needed is not whole in the store, so nobody knows what is not needed. Facts: problem."""

    code = "content.evidence-lacking"
    kind = "conflict"
    title = "Something that is needed is not whole in the store; nothing was removed."
    next_step = "Restore or delete the virtual image that the problem names, then collect again."


class CollectionPaused(Refusal):
    code = "content.collection-paused"
    kind = "conflict"
    title = "Since the restore nobody has confirmed that this unit goes on; nothing was removed."
    next_step = "Confirm it in the settings. A dry run is possible now."


class UploadUnknown(Refusal):
    """Not there, ended, expired, or somebody else's."""

    code = "uploads.unknown"
    kind = "missing"
    title = "There is no such upload."
    next_step = "Start a new upload."


class UploadNeeded(Refusal):
    """A virtual image waits for this upload's content."""

    code = "uploads.needed"
    kind = "conflict"
    title = "A virtual image is made from this upload."
    next_step = "Delete the virtual image; the upload goes with it."


class UploadBusy(Refusal):
    code = "uploads.busy"
    kind = "conflict"
    title = "Another request is adding to this upload."
    next_step = "Ask for its offset in a moment and go on from there."


class UploadOffset(Refusal):
    """Facts: given, expected."""

    code = "uploads.wrong-offset"
    kind = "conflict"
    title = "The upload does not stand at this offset."
    next_step = "Ask for its offset (HEAD) and go on from there."


class UploadChecksum(Refusal):
    code = "uploads.wrong-checksum"
    kind = "invalid"
    title = "The bytes are not what their checksum says; nothing of them was kept."
    next_step = "Send them again from the same offset."


class UploadChecksumUnknown(Refusal):
    """Facts: supported."""

    code = "uploads.unknown-checksum"
    kind = "invalid"
    title = "This kind of checksum is not known here."
    next_step = "Use one of those named."


class UploadTooLong(Refusal):
    code = "uploads.too-long"
    kind = "too-large"
    title = "More bytes than this upload has."
    next_step = "Start a new upload with the right length."


class UploadTooLarge(Refusal):
    """Facts: limit."""

    code = "uploads.too-large"
    kind = "too-large"
    title = "This is larger than one upload may be."
    next_step = "Import it from a file on the unit, or split it."


class UploadNoSpace(Refusal):
    """Facts: free."""

    code = "uploads.no-space"
    kind = "unavailable"
    title = "The spool has no room for this upload."
    next_step = "Free space on the unit, then go on from where it stopped."


class UploadLimit(Refusal):
    """Facts: limit."""

    code = "uploads.too-many"
    kind = "limited"
    title = "Too many of your uploads are open."
    next_step = "Finish or end one of them first."


class UploadProtocol(Refusal):
    """A header is missing or wrong. Facts: header."""

    code = "uploads.protocol"
    kind = "invalid"
    title = "The request does not follow the upload protocol (tus 1.0.0)."
    next_step = "Use a client for tus 1.0.0."


class UploadVersion(Refusal):
    code = "uploads.protocol-version"
    kind = "stale"
    title = "Only version 1.0.0 of the upload protocol is spoken here."
    next_step = "Send Tus-Resumable: 1.0.0."


class UploadMediaType(Refusal):
    code = "uploads.media-type"
    kind = "invalid"
    title = "The body of an upload is application/offset+octet-stream."
    next_step = "Send that Content-Type."


class UploadStalled(Refusal):
    code = "uploads.stalled"
    kind = "unavailable"
    title = "No bytes came for too long; what had come is kept."
    next_step = "Ask for the offset and go on from there."


class CrossOrigin(Refusal):
    code = "uploads.cross-origin"
    kind = "forbidden"
    title = "A page of another site may not upload here."
    next_step = "Upload from this unit's own pages, or with a token."
