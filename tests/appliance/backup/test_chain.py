"""What is believed of headers found on a target: every hostile arrangement is told by name; no I/O."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appliance.backup.engine.chain import Judgement, KnownHead, judge
from appliance.backup.engine.repository import Place, chain_name
from sealing.content.header import ChainLink, header_digest
from sealing.documents import image_header
from sealing.documents.deletion_record import DeletionRecord
from sealing.jose import digest
from tests.sealing.world import CUSTOMER, NOW, UnitKeys, World
from tests.support.headers import image_header_of
from tests.vectors.forge import claims_of
from tests.vectors.make_deletion import record

REPOSITORY = uuid.UUID("55555555-5555-4555-8555-555555555555")
OTHER = uuid.UUID("66666666-6666-4666-8666-666666666666")
AT = datetime.fromtimestamp(NOW, UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


class Chain:
    """A chain of headers of one unit, honest unless a test says otherwise."""

    def __init__(self, world: World, unit: UnitKeys | None = None) -> None:
        self.world, self.unit = world, unit or world.source
        self.name = chain_name(self.unit.signer.kid)
        self.found: list[tuple[Place, str]] = []

    def add(self, **changes: Any) -> tuple[Place, str]:
        sequence = len(self.found) + 1
        image = uuid.uuid4()
        previous = header_digest(self.found[-1][1]) if self.found else None
        link = ChainLink(str(REPOSITORY), sequence, previous)
        given: dict[str, Any] = {"serial": self.unit.serial, "chain": link} | changes
        header = image_header_of(str(image), **given)
        entry = (Place(self.name, sequence, image), image_header.issue(header, self.unit.signer))
        self.found.append(entry)
        return entry

    def many(self, count: int) -> Chain:
        for _ in range(count):
            self.add()
        return self

    def judged(self, *known: KnownHead, found: list[tuple[Place, str]] | None = None) -> Judgement:
        return judge(
            self.found if found is None else found,
            trust=self.world.trust,
            repository=REPOSITORY,
            customer=uuid.UUID(CUSTOMER.id),
            known=known,
        )

    def head(self, sequence: int, **changes: object) -> KnownHead:
        head = KnownHead(sequence=sequence, made_at=AT, serial=self.unit.serial, chain=self.name)
        return dataclasses.replace(head, **changes)  # type: ignore[arg-type]


def codes(judgement: Judgement) -> list[str]:
    return [finding.refusal.code for finding in judgement.findings]


def test_an_image_of_another_customer_is_not_an_image(world: World) -> None:
    chain = Chain(world)
    chain.add(customer=str(OTHER))
    judged = chain.judged()
    assert (judged.images, codes(judged)) == ([], ["image.wrong-customer"])


def test_what_was_believed_once_is_refused_under_another_root_and_with_another_signature(
    world: World,
) -> None:
    """A process verifies a signature once; it believes nothing for that."""
    chain, other = Chain(world), Chain(world)
    place, text = chain.add()
    assert len(chain.judged().images) == 1
    another_root = judge(
        [(place, text)], trust=World().trust, repository=REPOSITORY, customer=uuid.UUID(CUSTOMER.id), known=()
    )
    assert codes(another_root) == ["image.bad-signature"]
    _, foreign = other.add()
    exchanged = ".".join([*text.split(".")[:2], foreign.split(".")[2]])
    assert codes(chain.judged(found=[(place, exchanged)])) == ["image.bad-signature"]


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_header_with_one_character_changed_is_forged(world: World, part: int) -> None:
    chain = Chain(world)
    place, text = chain.add()
    parts = text.split(".")
    middle = len(parts[part]) // 2
    other = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + other + parts[part][middle + 1 :]
    judged = chain.judged(found=[(place, ".".join(parts))])
    assert (judged.images, codes(judged)) == ([], ["image.bad-signature"])


def test_a_header_signed_under_another_root_is_forged(world: World) -> None:
    stranger = Chain(World())
    stranger.add()
    judged = Chain(world).judged(found=stranger.found)
    assert (judged.images, codes(judged)) == ([], ["image.bad-signature"])


def test_a_header_that_names_another_serial_than_its_signer_is_forged(world: World) -> None:
    chain = Chain(world)
    chain.add(serial=world.target.serial)
    assert codes(chain.judged()) == ["image.bad-signature"]


def test_a_header_moved_into_another_units_chain_is_misplaced(world: World) -> None:
    mine, theirs = Chain(world), Chain(world, world.target)
    place, text = mine.add()
    judged = mine.judged(found=[(dataclasses.replace(place, chain=theirs.name), text)])
    assert (judged.images, codes(judged)) == ([], ["image.misplaced"])


@pytest.mark.parametrize("change", [{"sequence": 2}, {"image": OTHER}])
def test_a_header_under_another_sequence_or_image_is_misplaced(world: World, change: dict[str, Any]) -> None:
    chain = Chain(world)
    place, text = chain.add()
    judged = chain.judged(found=[(dataclasses.replace(place, **change), text)])
    assert (judged.images, codes(judged)) == ([], ["image.misplaced"])


def test_a_header_made_for_another_repository_is_misplaced(world: World) -> None:
    chain = Chain(world)
    chain.add(chain=ChainLink(str(OTHER), 1, None))
    assert codes(chain.judged()) == ["image.misplaced"]


def test_two_images_for_one_sequence_are_both_refused(world: World) -> None:
    chain = Chain(world)
    chain.add()
    second = Chain(world)
    second.add()
    judged = chain.judged(found=chain.found + second.found)
    assert (judged.images, codes(judged)) == ([], ["image.misplaced", "image.misplaced"])


@pytest.mark.parametrize(("gone", "missing"), [(0, [1]), (1, [2]), (2, [3])])
def test_a_missing_image_within_a_chain_is_told(world: World, gone: int, missing: list[int]) -> None:
    chain = Chain(world).many(4)
    left = [entry for i, entry in enumerate(chain.found) if i != gone]
    judged = chain.judged(found=left)
    assert len(judged.images) == 3
    assert codes(judged) == ["image.chain-broken"]
    assert judged.findings[0].refusal.facts["missing"] == missing


def record_of(entry: tuple[Place, str], **changes: Any) -> DeletionRecord:
    """What the unit would say of an image that it deleted."""
    place, text = entry
    header = claims_of(text)
    return dataclasses.replace(
        record(
            header["serial"],
            image=str(place.image),
            sequence=place.sequence,
            link=header_digest(text),
            previous=header["chain"]["previous"],
        ),
        **changes,
    )


def judged_without(chain: Chain, gone: set[int], **changes: Any) -> Judgement:
    """The chain judged without these sequences, with a record for each."""
    return judge(
        [entry for entry in chain.found if entry[0].sequence not in gone],
        trust=chain.world.trust,
        repository=REPOSITORY,
        customer=uuid.UUID(CUSTOMER.id),
        known=[],
        deleted={chain.name: {n: record_of(chain.found[n - 1], **changes) for n in gone}},
    )


@pytest.mark.parametrize("gone", [{1}, {2}, {1, 2}, {2, 3}, {1, 2, 3}])
def test_images_that_were_deleted_with_a_record_are_not_missed(world: World, gone: set[int]) -> None:
    assert codes(judged_without(Chain(world).many(4), gone)) == []


@pytest.mark.parametrize("changes", [{"link": "cc" * 32}, {"previous": "cc" * 32}])
def test_a_record_that_does_not_carry_the_chain_across_breaks_it(
    world: World, changes: dict[str, str]
) -> None:
    assert codes(judged_without(Chain(world).many(3), {2}, **changes)) == ["image.chain-broken"]


def test_an_exchanged_image_breaks_the_chain_after_it(world: World) -> None:
    """The unit itself signed both: a copy of the target was continued and put back."""
    chain = Chain(world).many(2)
    fork = Chain(world)
    fork.add(made_at=NOW + 99)
    judged = chain.judged(found=[fork.found[0], chain.found[1]])
    assert codes(judged) == ["image.chain-broken"]


@pytest.mark.parametrize("kept", range(4))
def test_a_rolled_back_target_is_told_by_the_newest_head_known(world: World, kept: int) -> None:
    chain = Chain(world).many(4)
    judged = chain.judged(chain.head(4), found=chain.found[:kept])
    assert judged.freshness == "rolled-back"
    assert codes(judged)[-1] == "image.rolled-back"
    assert judged.findings[-1].refusal.facts["newest_here"] == kept


def test_a_newest_image_exchanged_for_another_is_rolled_back_too(world: World) -> None:
    chain = Chain(world).many(2)
    judged = chain.judged(chain.head(2, digest="another"))
    assert judged.freshness == "rolled-back"


def test_a_head_that_names_only_the_serial_is_found(world: World) -> None:
    chain = Chain(world).many(2)
    assert chain.judged(chain.head(3, chain="")).freshness == "rolled-back"
    assert chain.judged(chain.head(2, chain="")).freshness == "proven"


def test_with_a_head_that_is_there_freshness_is_proven(world: World) -> None:
    chain = Chain(world).many(3)
    judged = chain.judged(chain.head(3, digest=digest(chain.found[2][1]), made_at=AT + timedelta(seconds=3)))
    assert (judged.freshness, judged.fresh_to, codes(judged)) == ("proven", AT + timedelta(seconds=3), [])
    assert [found.place.sequence for found in judged.images] == [1, 2, 3]


def test_without_a_head_freshness_is_proven_only_up_to_a_date(world: World) -> None:
    judged = Chain(world).many(2).judged()
    assert (judged.freshness, judged.fresh_to) == ("dated", AT + timedelta(seconds=2))


def test_an_empty_target_says_nothing(world: World) -> None:
    judged = Chain(world).judged()
    assert (judged.freshness, judged.fresh_to, judged.images) == ("empty", None, [])


def test_an_empty_target_that_should_hold_images_is_rolled_back(world: World) -> None:
    chain = Chain(world)
    judged = chain.judged(chain.head(1))
    assert (judged.freshness, judged.fresh_to) == ("rolled-back", None)


def test_fifty_rollbacks_of_fifty_are_detected(world: World) -> None:
    chain = Chain(world).many(50)
    told = [chain.judged(chain.head(50), found=chain.found[:kept]).freshness for kept in range(50)]
    assert told == ["rolled-back"] * 50
