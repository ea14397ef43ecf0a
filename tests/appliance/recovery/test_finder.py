"""The finder: what is malformed is refused by layer and reason; what is known is named; nothing leaks."""

from __future__ import annotations

import json
import textwrap
import uuid
from pathlib import Path

import pytest

from appliance.backup.models import BackupImage
from appliance.catalog.models import VirtualImage
from appliance.keys.models import KeyEpoch, LodgedValue
from appliance.recovery.errors import FinderMalformed, FinderUnknownDocument
from appliance.recovery.finder import MAX_TEXT, Finding, find
from appliance.recovery.models import TransferCase
from appliance.unit.models import Unit
from audit.models import Event
from sealing import sheet
from sealing.backupkey import BackupKey
from sealing.encoding import b64u, canonical_json
from sealing.jose import digest as digest_of_text
from tests.support.bench import Bench
from tests.support.people import client_of, person


def kinds(finding: Finding) -> list[str]:
    return [hit.kind for hit in finding.hits]


def fact(finding: Finding, label: str) -> str:
    (said,) = [item.value for item in finding.facts if item.label == label]
    return said


@pytest.mark.django_db
def test_what_is_no_text_to_look_for_is_refused_by_rest() -> None:
    client = client_of(person("member"))
    for text, code, status in (
        ("", "finder.empty", 422),
        (" \n\t ", "finder.empty", 422),
        ("x" * (MAX_TEXT + 1), "finder.too-large", 413),
        ("eyJhbGciOiJFUzM4NCJ9", "finder.malformed", 422),
    ):
        answer = client.post("/api/v1/finder", {"text": text}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert client_of(person()).post("/api/v1/finder", {"text": "x"}, format="json").status_code == 403


@pytest.mark.django_db
def test_a_document_of_another_type_or_version_is_named_so() -> None:
    user = person("admin")
    for typ, known in (
        ("strongroom-value+jws;v=9", ["strongroom-value+jws;v=1"]),
        ("strongroom-weather+jws;v=1", []),
    ):
        text = f"{b64u(canonical_json({'alg': 'ES384', 'kid': 'x', 'typ': typ}))}.{b64u(b'{}')}.AAAA"
        with pytest.raises(FinderUnknownDocument) as refused:
            find(text, user=user)
        assert refused.value.facts["known"] == known


def test_everything_that_can_be_pasted_is_found(unit_on_bench: Bench) -> None:
    bench = unit_on_bench
    image = bench.back_up(bench.add_target("vault-disk"))
    admin, key, lodged = person("admin"), KeyEpoch.objects.get(), LodgedValue.objects.get()

    # A value, as a mail program has broken it.
    broken = textwrap.fill(lodged.document, 60, break_on_hyphens=False).replace("\n", "\r\n ")
    found = find(f"\n  {broken}\n", user=admin)
    assert (found.asked, kinds(found)) == ("value", ["value", "key", "unit", "image"])
    assert (fact(found, "serial"), fact(found, "epoch")) == ("SR-A-0001", "1")
    assert fact(found, "authority key") == lodged.authority_key_id
    assert fact(found, "authority key's state") == "active"
    assert (fact(found, "opens here"), fact(found, "last proven")[:7]) == ("yes", "drilled")
    assert (found.opens_count, found.opens[0].id) == (1, str(image.pk))

    # One character lost, one altered, one too many: refused by the step that it fails.
    for text, reason in (
        (lodged.document[:-1], "encoding."),
        (lodged.document + "!", "encoding.compact"),
        ("\ufeff" + lodged.document, "encoding.byte-order-mark"),
        (lodged.document.replace(".", "", 1), "encoding.compact"),
    ):
        with pytest.raises(FinderMalformed) as refused:
            find(text, user=admin)
        assert str(refused.value.facts["reason"]).startswith(reason)

    # A header, a head, digests, ids, serials, names.
    for text, asked, first in (
        (image.header, "image-header", "image"),
        (image.head, "head", "image"),
        (image.header_digest, "digest", "image"),
        (lodged.digest, "digest", "value"),
        (lodged.authority_key_id, "thumbprint", "authority-key"),
        (Unit.objects.get().certificate_thumbprint, "thumbprint", "unit"),
        (key.commitment, "thumbprint", "key"),
        (image.link_digest, "sha-256", "image"),
        (image.chain.upper(), "sha-256", "image"),
        (VirtualImage.objects.get(name="first").sha256, "sha-256", "virtual-image"),
        (key.key_id, "key-id", "key"),
        (key.data_key_id, "key-id", "key"),
        (image.pk.hex, "id", "image"),
        (str(image.pk), "id", "image"),
        (str(image.target_id), "id", "target"),
        (str(Event.objects.all()[0].pk), "id", "event"),
        (str(image.job_id), "id", "job"),
        (" SR-A-0001 ", "text", "unit"),
        ("Epoch 1", "text", "key"),
        ("FIRS", "text", "virtual-image"),
        ("vault-", "text", "target"),
        (Unit.objects.get().device_record, "device-record", "unit"),
    ):
        found = find(text, user=admin)
        assert (found.asked, kinds(found)[:1]) == (asked, [first]), text[:80]
    assert find(key.key_id, user=admin).opens_count == 1
    listed = find(Unit.objects.get().authority_list, user=admin)
    assert listed.notes[0] == "This very list is in force here."

    # A transfer request, of the unit that comes after.
    case = TransferCase.objects.create(
        request="x", request_digest="Q" * 64, state=TransferCase.State.REQUESTED
    )
    assert kinds(find(case.request_digest, user=admin)) == ["transfer"]

    # Unknown here is an answer, no refusal.
    assert find("nothing of this name", user=admin).title == "Nothing here has this name"
    assert find(str(uuid.uuid4()), user=admin).title == "Id, unknown here"
    BackupImage.objects.all().delete()
    LodgedValue.objects.all().delete()
    strange = find(bench.maker.make_value(BackupKey.generate(7)), user=admin)
    assert strange.notes == ["Nothing here knows this text; its signature was not checked here."]

    # A member finds what they could list, and nothing of backups, keys or events.
    member = person("member")
    for text in (lodged.document, image.header, key.key_id, str(image.target_id), "SR-A-0001", "first"):
        found = find(text, user=member)
        assert (found.hits, found.opens, found.opens_count) == ([], [], 0), text[:40]
    VirtualImage.objects.filter(name="first").update(owner=member)
    assert kinds(find("first", user=member)) == ["virtual-image"]


STORED = json.loads((Path(__file__).parents[2] / "vectors" / "documents.json").read_text())
ON_PAPER: str = STORED["world"]["value"]


@pytest.mark.django_db
def test_typed_lines_and_scanned_codes_of_a_sheet_are_a_value() -> None:
    user, made = person("admin"), sheet.cut(ON_PAPER)
    head, *rows = made.typed().splitlines()
    for text in (
        "\n".join([*reversed(rows), head]),
        "\n".join(part.text for part in reversed(made.parts)),
    ):
        finding = find(text, user=user)
        assert (finding.asked, fact(finding, "sheet")) == ("value", made.shown_id)
        assert fact(finding, "digest") == digest_of_text(ON_PAPER)
        assert any("value sheet" in note for note in finding.notes)


@pytest.mark.django_db
def test_a_sheet_that_is_not_whole_is_refused_by_the_place_that_is_wrong() -> None:
    client, made = client_of(person("member")), sheet.cut(ON_PAPER)
    typed, parts = made.typed(), [part.text for part in made.parts]
    other = sheet.cut(ON_PAPER[:-1])
    for text, reason, place in (
        (typed.replace(made.lines[4].check, "0000"), "encoding.sheet-line", {"line": 5}),
        (typed.partition("\n")[2], "encoding.sheet-head", {}),
        ("\n".join(parts[:3] + parts[4:]), "encoding.sheet-part-missing", {"missing": "4"}),
        ("\n".join([*parts, other.parts[0].text]), "encoding.sheet-parts-mixed", {"other_sheet": other.id}),
    ):
        problem = client.post("/api/v1/finder", {"text": text}, format="json").json()
        assert (problem["code"], problem["facts"]["reason"]) == ("finder.sheet", reason)
        assert place.items() <= problem["facts"].items()


@pytest.mark.django_db
def test_a_whole_sheet_of_what_is_no_value_is_read_as_strictly_as_any_text() -> None:
    with pytest.raises(FinderMalformed):
        find(sheet.cut("eyJhbGciOiJFUzM4NCJ9.e30.AAAA").typed(), user=person("admin"))
