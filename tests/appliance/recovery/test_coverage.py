"""The coverage map: which value opens which image, how surely, and what to do next."""

from __future__ import annotations

import dataclasses
import uuid

import pytest
from django.utils import timezone

from appliance.backup.models import BackupImage, BackupTarget
from appliance.backup.needed import images_needing, keys_needed
from appliance.keys.models import KeyEpoch, LodgedValue
from appliance.recovery.coverage import cover_of, coverage, covered_images
from appliance.unit.models import Unit
from sealing.documents import authority_list
from tests.appliance.keys.maker import list_entries
from tests.support.bench import Bench
from tests.support.people import sign_in


@pytest.fixture
def covered(unit_on_bench: Bench) -> Bench:
    """A unit in service with one verified image, its value lodged and drilled."""
    unit_on_bench.back_up(unit_on_bench.add_target())
    LodgedValue.objects.update(receipt="the desk's", lodged_at=timezone.now())  # as a rotation notes it
    return unit_on_bench


def the_cover() -> tuple[str, str, str]:
    (image,) = cover_of(covered_images())
    return image.light, image.why, image.action


def the_key() -> tuple[str, str, str]:
    (epoch,) = coverage().epochs
    return epoch.light, epoch.why, epoch.action


def restate_authority(bench: Bench, state: str) -> None:
    """The pinned list as it would be had the authority moved its escrow keys on."""
    entries = tuple(
        dataclasses.replace(entry, state=state) if entry.use == "escrow" else entry
        for entry in list_entries(bench.maker)
    )
    listed = authority_list.read(bench.maker.authorities, bench.maker.trust.root)
    text = authority_list.issue(
        dataclasses.replace(listed, parsed=None, version=listed.version + 1, entries=entries),
        bench.maker.root_signer,
    )
    Unit.objects.update(authority_list=text)


def test_without_an_image_nothing_is_covered(bench: Bench) -> None:
    bench.put_unit()
    answer = coverage()
    assert (answer.light, answer.action, answer.images) == ("red", "Make a backup.", 0)
    (epoch,) = answer.epochs
    assert (epoch.light, epoch.needed, epoch.here) == ("amber", False, True)
    assert keys_needed() == {}


def test_the_map_names_value_proof_authority_and_whether_this_unit_opens_it(covered: Bench) -> None:
    answer, image = coverage(), BackupImage.objects.get()
    (epoch,), (target,) = answer.epochs, answer.targets
    key = KeyEpoch.objects.get()
    assert (answer.light, answer.action, answer.images) == ("green", "", 1)
    assert (epoch.key_id, epoch.state, epoch.here, epoch.needed) == (key.key_id, "active", True, True)
    assert (epoch.images, epoch.verified, epoch.proven, epoch.proven_at) == (1, 1, "drilled", key.proof_at)
    assert epoch.by_target == {str(target.target): 1}
    (value,) = epoch.values
    lodged = LodgedValue.objects.get()
    assert (value.digest, value.authority) == (lodged.digest, lodged.authority_key_id)
    assert (value.authority_state, value.on_file) == ("active", ("lodged", "header"))
    assert (target.light, target.images, target.newest_at) == ("green", 1, image.made_at)
    (explained,) = cover_of(covered_images(target=image.target_id, key_id=image.key_id))
    assert (explained.image, explained.opens_here, explained.values) == (image.pk, True, epoch.values)
    assert the_cover() == ("green", "A proven value under an authority key in force opens it.", "")
    assert keys_needed() == {key.key_id: 1}
    assert list(images_needing(key.key_id)) == [image]


def test_what_is_not_as_it_should_be_is_said_with_one_thing_to_do(covered: Bench) -> None:
    images, keys = BackupImage.objects.all(), KeyEpoch.objects.all()
    images.update(state="committed", verified_at=None)
    assert the_cover() == ("amber", "It was not opened in full yet.", "Verify it.")
    images.update(state="expired")
    assert the_cover()[0] == "amber"
    assert keys_needed() == {KeyEpoch.objects.get().key_id: 1}  # it still lies there, for its grace
    images.update(state="damaged", problem={"title": "A pack is missing."})
    assert the_cover()[:2] == ("red", "A pack is missing.")
    assert the_key()[:2] == ("red", "Every image of this key is damaged.")
    images.update(state="verified", problem=None)
    keys.update(proof_how="waived")
    BackupImage.objects.update(proof="waived")
    assert the_cover() == ("amber", "Nobody has shown that its value opens.", "Drill the value.")
    assert the_key()[2] == "Drill the value."
    keys.update(proof_how="drilled")
    LodgedValue.objects.update(receipt="")
    assert the_cover() == ("amber", "Its value lies in its header only.", "Lodge the value at the desk.")
    LodgedValue.objects.update(receipt="there")
    BackupTarget.objects.update(state="refused", problem={"title": "It is not there."})
    assert the_cover()[2] == "Look at the target."
    assert coverage().targets[0].light == "red"


def test_an_authority_key_that_is_not_in_force_any_more_shows(covered: Bench) -> None:
    restate_authority(covered, "retired")
    assert the_cover()[0] == "amber"
    assert the_key()[2].startswith("Rotate the key")
    restate_authority(covered, "revoked")
    assert the_cover()[:2] == (
        "red",
        "No authority key in force opens the image: only this unit does, and its loss loses them.",
    )
    KeyEpoch.objects.update(state="destroyed")
    light, why, action = the_cover()
    assert (light, why) == ("red", "Nothing known here opens the image.")
    assert action == "Ask the authority if its key still lives."
    assert not cover_of(covered_images())[0].opens_here


def test_rest_shows_the_map_and_what_is_gone_needs_no_key(covered: Bench) -> None:
    show_by_rest()
    image = BackupImage.objects.get()
    BackupImage.objects.update(state="writing")
    assert keys_needed() == {image.key_id: 1}
    BackupImage.objects.update(state="deleted")
    assert keys_needed() == {}
    assert list(covered_images()) == []


def show_by_rest() -> None:
    auditor, member = sign_in("auditor"), sign_in("member")
    assert member.get("/api/v1/coverage").status_code == 403
    assert member.get("/api/v1/coverage/images").status_code == 403
    answer = auditor.get("/api/v1/coverage").json()
    assert answer["light"] == "green"
    assert answer["epochs"][0]["values"][0]["on_file"] == ["lodged", "header"]
    image = BackupImage.objects.get()
    for query, found in (
        ("", 1),
        (f"?target={image.target_id}", 1),
        (f"?key_id={image.key_id}", 1),
        (f"?key_id={'0' * 32}", 0),
    ):
        page = auditor.get(f"/api/v1/coverage/images{query}").json()
        assert len(page["results"]) == found
    assert auditor.get("/api/v1/coverage/images?target=nonsense").status_code == 404
    assert auditor.get(f"/api/v1/coverage/images?target={uuid.uuid4()}").status_code == 404
