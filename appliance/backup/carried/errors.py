"""What is refused about carried images. One class for each permanent code."""

from __future__ import annotations

from typing import ClassVar

from ground.refusals import Kind, Refusal


class CarriedRefusal(Refusal):
    code = "carried.refused"
    kind: ClassVar[Kind] = "conflict"
    title = "The carried image was refused."


class NotCarried(CarriedRefusal):
    code = "carried.not-one"
    title = "This file is no carried backup image."
    next_step = "Choose a file that was made by an export."


class CarriedTooNew(CarriedRefusal):
    code = "carried.unknown-version"
    title = "The file was made by a newer release."
    next_step = "Update this unit, then take the file in again."


class CarriedTruncated(CarriedRefusal):
    code = "export.truncated"
    title = "The file is cut off; nothing of it was taken in."
    next_step = "Copy it again from where it was made, or export the image again."


class CarriedMalformed(CarriedRefusal):
    code = "carried.malformed"
    title = "The file contradicts itself; nothing of it was taken in."
    next_step = "Export the image again; this file was altered."


class CarriedDamaged(CarriedRefusal):
    code = "carried.damaged"
    title = "The file is damaged; nothing of it was taken in."
    next_step = "Copy it again from where it was made, or export the image again."


class CarriedElsewhere(CarriedRefusal):
    code = "carried.other-repository"
    title = "The image belongs to another repository than this target holds."
    next_step = "Choose the target of that repository, a copy of it, or an empty place."


class CarriedName(CarriedRefusal):
    code = "carried.bad-name"
    kind = "invalid"
    title = "This is no name for a carried image."
    next_step = "Use letters, digits, dots, dashes and underscores, and the ending named."


class NoSuchCarriedFile(CarriedRefusal):
    code = "carried.no-such-file"
    kind = "missing"
    title = "There is no such file to take in."
    next_step = "Put the file into the unit's directory for carried images, then choose it from the list."


class CarriedExists(CarriedRefusal):
    code = "carried.exists"
    title = "Another file of this name is there."
    next_step = "Choose another name; nothing is overwritten."


class CarriedNoRoom(CarriedRefusal):
    code = "carried.no-room"
    kind = "unavailable"
    title = "The image does not fit where it should be written."
    next_step = "Use a larger disk, or free room on this one."
