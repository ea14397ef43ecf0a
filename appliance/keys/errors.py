"""Refusals of the keys room, on both sides of the key process's socket. No Django here.

The key process raises them; the client raises the same class again on the other side. What `sealing` refuses
becomes `DocumentRefused` (a paper handed in is not right) or one of the narrower classes below.
"""

from __future__ import annotations

from ground.refusals import Refusal


class KeyRefusal(Refusal):
    """Root of this room's refusals."""

    code = "keys.refused"
    title = "The key process refused."
    next_step = "Read the facts; if they do not help, look at the key process's log."


class ProcessUnreachable(KeyRefusal):
    code = "keys.process-unreachable"
    kind = "unavailable"
    title = "The key process does not answer."
    next_step = "Start it (the supervisor does so by itself) and try again."


class PeerRefused(KeyRefusal):
    code = "keys.peer-refused"
    kind = "forbidden"
    title = "This user id may not speak to the key process."
    next_step = "Run the caller under the engine's user id."


class RequestRefused(KeyRefusal):
    code = "keys.request-refused"
    kind = "invalid"
    title = "The key process does not understand this request."
    next_step = "Use the client of the same release as the key process."


class MessageTooLarge(KeyRefusal):
    code = "keys.message-too-large"
    kind = "too-large"
    title = "A message to or from the key process is over its limit."
    next_step = "Send smaller documents."


class AlreadyRunning(KeyRefusal):
    code = "keys.already-running"
    kind = "conflict"
    title = "Another key process holds this site."
    next_step = "Stop the other one, or use it."


class NotInitialised(KeyRefusal):
    code = "keys.not-initialised"
    kind = "conflict"
    title = "This unit has no identity yet."
    next_step = "Run factory_init and bring the bundle of the device authority back."


class AlreadyInitialised(KeyRefusal):
    code = "keys.already-initialised"
    kind = "conflict"
    title = "This unit has an identity; a second one is not made."
    next_step = "A refurbished unit is initialised on an empty site directory."


class Tampered(KeyRefusal):
    code = "keys.tampered"
    kind = "conflict"
    title = "This unit was tampered with; its secrets were destroyed."
    next_step = "Report the unit to the manufacturer and ask for a replacement."


class VaultDamaged(KeyRefusal):
    code = "keys.vault-damaged"
    kind = "conflict"
    title = "A file of the vault does not open: it is damaged, or it belongs to another unit."
    next_step = "Do not go on with this unit: ask the manufacturer for a replacement."


class StorageFailed(KeyRefusal):
    code = "keys.storage-failed"
    kind = "unavailable"
    title = "The keyring could not be written; nothing was changed that counts."
    next_step = "Look at the disk of the unit (full, read-only, failing?), then try again."


class NotOwned(KeyRefusal):
    code = "keys.not-owned"
    kind = "conflict"
    title = "No customer is pinned on this unit yet."
    next_step = "Install it with its enrolment, or install a transfer."


class AlreadyOwned(KeyRefusal):
    code = "keys.already-owned"
    kind = "conflict"
    title = "This unit belongs to a customer already."
    next_step = "Refurbish the unit to hand it to someone else."


class DocumentRefused(KeyRefusal):
    """`reason` in facts is the code of the layer that refused, as in docs/formats."""

    code = "keys.document-refused"
    kind = "invalid"
    title = "A signed document does not hold."
    next_step = "Ask its maker for a fresh one; if it stays so, someone may have altered it."


class AuthorityListRefused(KeyRefusal):
    code = "keys.authority-list-refused"
    kind = "invalid"
    title = "The list of authority keys does not hold under this unit's root. Nothing was sealed to it."
    next_step = "Check the desk's address; tell the manufacturer what was offered and by whom."


class AuthorityListOlder(KeyRefusal):
    code = "keys.authority-list-older"
    kind = "stale"
    title = "This list of authority keys is older than the one this unit has seen."
    next_step = "Fetch the newest list."


class NoAuthority(KeyRefusal):
    code = "keys.no-authority"
    kind = "conflict"
    title = "The list names no escrow authority to seal to."
    next_step = "Fetch a newer list from the desk."


class UnknownKey(KeyRefusal):
    code = "keys.unknown-key"
    kind = "missing"
    title = "This unit has no key with that id."
    next_step = "List the keys; a key of another unit comes by a transfer."


class KeyDestroyed(KeyRefusal):
    code = "keys.destroyed"
    kind = "conflict"
    title = "That key was destroyed; only its name is left."
    next_step = "What was sealed under it cannot be opened on this unit."


class NoActiveKey(KeyRefusal):
    code = "keys.no-active-key"
    kind = "conflict"
    title = "No key is active: nothing can be sealed."
    next_step = "Make a key and prove its value; content waits in the sealed spool meanwhile."


class MustRotate(KeyRefusal):
    code = "keys.must-rotate"
    kind = "conflict"
    title = "The keys here came from elsewhere or are in doubt: nothing is sealed before a rotation."
    next_step = "Rotate the key."


class RotationUnderWay(KeyRefusal):
    code = "keys.rotation-under-way"
    kind = "conflict"
    title = "A new key is being made already."
    next_step = "Start the rotation again with the kind of key that waits; it goes on where it stopped."


class ValueNotDurable(KeyRefusal):
    code = "keys.value-not-durable"
    kind = "conflict"
    title = "Nobody but this unit is known to hold the value of that key."
    next_step = "Lodge the value at the desk, or download it and confirm its digest."


class ValueNotProven(KeyRefusal):
    code = "keys.value-not-proven"
    kind = "conflict"
    title = "The value of that key was neither drilled nor waived."
    next_step = "Run a drill; while the desk cannot be reached, admins may waive it."


class DigestDiffers(KeyRefusal):
    code = "keys.digest-differs"
    kind = "invalid"
    title = "That is not the digest of this key's value."
    next_step = "Compute the digest of the file that was downloaded, not of another one."


class WaiverRefused(KeyRefusal):
    code = "keys.waiver-refused"
    kind = "conflict"
    title = "The drill cannot be waived like this."
    next_step = "Two admins waive together; one is enough for the first key and after a restore."


class DrillFailed(KeyRefusal):
    code = "keys.drill-failed"
    kind = "conflict"
    title = "The authority's answer does not come from this key: the value would not bring it back."
    next_step = "The key was not activated. Fetch the authority list anew and rotate; tell the manufacturer."


class NoSuchTransition(KeyRefusal):
    code = "keys.no-such-transition"
    kind = "conflict"
    title = "A key in this state cannot get there."
    next_step = "Look at the key's state and its history."


class Replayed(KeyRefusal):
    code = "keys.replayed"
    kind = "conflict"
    title = "This answer was used before; each works once."
    next_step = "Make a new request if another answer is needed."


class NotAskedFor(KeyRefusal):
    code = "keys.not-asked-for"
    kind = "conflict"
    title = "This unit did not ask for this document."
    next_step = "A transfer opens only on the unit, and for the request, that stand on its ticket."


class OtherUnit(KeyRefusal):
    code = "keys.other-unit"
    kind = "conflict"
    title = "This document was made for another unit."
    next_step = "Take it to the unit whose serial number it names."


class Expired(KeyRefusal):
    code = "keys.expired"
    kind = "conflict"
    title = "This document has expired."
    next_step = "Ask the desk to reissue it."


class ImageUnreadable(KeyRefusal):
    code = "keys.image-not-ours"
    kind = "conflict"
    title = "The keys of this image do not open with any key of this unit."
    next_step = "Open a ticket for the image's value; a transfer brings the key."


class ClaimRefused(KeyRefusal):
    code = "keys.claim-refused"
    kind = "invalid"
    title = "The key process does not sign this."
    next_step = "It signs a closed list of documents, and only what it knows to be so."


class SecretDoesNotOpen(KeyRefusal):
    code = "keys.secret-not-ours"
    kind = "conflict"
    title = "A stored credential does not open on this unit."
    next_step = "Enter the credential again; the unit seals it anew."


class KeyNeeded(KeyRefusal):
    code = "keys.needed-by-images"
    kind = "conflict"
    title = "The key opens backup images that are still kept."
    next_step = "Let those images expire and be deleted first; the key can be retired then."


class EvidenceRefused(KeyRefusal):
    code = "keys.evidence-refused"
    kind = "conflict"
    title = "It was not shown that no image needs the key; it was not destroyed."
    next_step = "Connect every target of this unit, look what is missing there, and try again."


BY_CODE: dict[str, type[KeyRefusal]] = {
    value.code: value
    for value in list(globals().values())
    if isinstance(value, type) and issubclass(value, KeyRefusal)
}
