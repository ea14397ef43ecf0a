"""The lights of the coverage map: what is judged of a key, an image and a target, and what mends it."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.backup.models import BackupImage, BackupTarget
from appliance.keys.models import KeyEpoch
from appliance.recovery.coverage_tally import SHOWN, Tally
from appliance.recovery.covers import Judged, ValueCover

S = BackupImage.State


def judge_key(
    row: KeyEpoch | None, tally: Tally, values: Sequence[ValueCover], *, here: bool, proven: str
) -> Judged:
    images = tally.count(*SHOWN)
    if images == 0:
        if row is not None and row.state == KeyEpoch.State.ACTIVE:
            return Judged("amber", "The active key protects no image yet.", "Make a backup and verify it.")
        return Judged("green", "No image needs it.")
    ways = _judge_ways(values, here=here, many=True)
    if ways.light == "red":
        return ways
    usable = tally.count(S.COMMITTED, S.VERIFIED)
    if tally.count(S.DAMAGED) and not usable:
        return Judged("red", "Every image of this key is damaged.", "Make a new backup and verify it.")
    if tally.count(S.DAMAGED):
        return Judged("amber", f"{tally.count(S.DAMAGED)} of its images are damaged.", "Verify them again.")
    if ways.light == "amber":
        return ways
    if proven != "drilled":
        return Judged("amber", "Nobody has shown that its value opens.", _drill(row))
    if not tally.count(S.VERIFIED):
        return Judged("amber", "None of its images was opened in full.", "Verify the newest of them.")
    if not kept(row, values):
        return Judged("amber", "Its values lie in the images' headers only.", "Lodge the value at the desk.")
    return Judged("green", "A proven value under an authority key in force opens its images.")


def judge_image(
    image: BackupImage, row: KeyEpoch | None, values: Sequence[ValueCover], *, here: bool, proven: str
) -> Judged:
    if image.state == S.DAMAGED:
        why = str((image.problem or {}).get("title", "The image is damaged on its target."))
        return Judged("red", why, "Make a new backup, or bring the damaged objects back from another copy.")
    ways = _judge_ways(values, here=here, many=False)
    if ways.light == "red":
        return ways
    if image.state == S.EXPIRED:
        return Judged("amber", "It has expired and will be deleted.", "Keep it, if it is still wanted.")
    if ways.light == "amber":
        return ways
    if proven != "drilled":
        return Judged("amber", "Nobody has shown that its value opens.", _drill(row))
    if image.state != S.VERIFIED:
        return Judged("amber", "It was not opened in full yet.", "Verify it.")
    if image.target.state != BackupTarget.State.READY or image.target.freshness == "rolled-back":
        return Judged("amber", f"{image.target.name} is not as it should be.", "Look at the target.")
    if image.own and not kept(row, values):
        return Judged("amber", "Its value lies in its header only.", "Lodge the value at the desk.")
    return Judged("green", "A proven value under an authority key in force opens it.")


def _judge_ways(values: Sequence[ValueCover], *, here: bool, many: bool) -> Judged:
    """Is there a way to open, should this unit be lost?"""
    lights = {value.light for value in values}
    them = "these images" if many else "the image"
    if "green" in lights:
        return Judged("green", "")
    if "amber" in lights:
        why = f"Only values under a retired authority key open {them}."
        return Judged("amber", why, "Rotate the key and make a backup, sealed to the new authority key.")
    if here:
        why = f"No authority key in force opens {them}: only this unit does, and its loss loses them."
        return Judged("red", why, "Rotate the key and make a backup, sealed to an authority key in force.")
    return Judged("red", f"Nothing known here opens {them}.", "Ask the authority if its key still lives.")


def kept(row: KeyEpoch | None, values: Sequence[ValueCover]) -> bool:
    """Is a value on file elsewhere than in the images? Unknown of keys that were never made here: the unit
    that made them had to lodge or download before it could use them, so it counts as kept."""
    if row is None or row.origin != "generated":
        return True
    return any({"lodged", "downloaded"} & set(value.on_file) for value in values)


def _drill(row: KeyEpoch | None) -> str:
    return "Drill the value." if row is not None else "Ask the desk to drill the value."


def judge_target(row: BackupTarget, images: int, damaged: int) -> Judged:
    if row.state != BackupTarget.State.READY:
        why = str((row.problem or {}).get("title", "It was not connected yet."))
        return Judged("red", why, "Connect the target.")
    if row.freshness == "rolled-back":
        return Judged("red", "It lacks images that are known to exist.", "Look at the target's findings.")
    if damaged:
        return Judged("amber", f"{damaged} of its images are damaged.", "Verify them and make a new backup.")
    if row.findings:
        return Judged("amber", "Things on it are not as they should be.", "Look at the target's findings.")
    if images == 0:
        return Judged("amber", "It holds no image.", "Make a backup to it.")
    return Judged("green", "It is there, and its images are known.")
