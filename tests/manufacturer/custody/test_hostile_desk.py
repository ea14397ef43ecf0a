"""The desk's web tier, database, broker and front-desk key wholly in an attacker's hands.

What the attacker lacks: keys of units, of people on the roster, of custody and of the escrow authority.
Figures to reach: 0 keys recovered, 0 second transfers.
"""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest

from manufacturer.custody import trust
from manufacturer.custody.engine import gates, ledger
from manufacturer.custody.models import LedgerRow, Request, TransferMade
from sealing.backupkey import BackupKey
from sealing.documents import approval, ticket
from sealing.ecdsa import SigningKey
from sealing.errors import Refused
from sealing.jose import KeySigner, peek
from tests.support.maker import REFUSED, Ask, Loss, Maker, now

SEED = 20261123
CUSTOMERS = 20


def test_of_20_customers_380_of_380_foreign_values_are_refused_before_any_opening(
    maker: Maker, ask: Ask
) -> None:
    """Customer A hands in B's stolen value, with everything else of A in perfect order."""
    losses = [Loss(maker, f"customer-{n}") for n in range(CUSTOMERS)]
    answers = [
        ask("recover", mine.recovery(values=[theirs.value]))
        for mine, theirs in itertools.permutations(losses, 2)
    ]
    reasons = set(Request.objects.values_list("inner_reason", flat=True))
    assert (len(answers), answers.count(REFUSED)) == (380, 380)
    assert reasons == {"binding.customer"}
    assert gates.openings() == 0
    assert not LedgerRow.objects.exists()
    done = [ask("recover", loss.recovery())["outcome"] for loss in losses]
    assert done == ["done"] * CUSTOMERS


def malformed(loss: Loss, genuine: dict[str, Any], rng: random.Random) -> Iterator[dict[str, Any]]:
    """200 classes of malformed requests: every document spoiled in every way, and shapes of the whole."""
    names = ["ticket", "request", "device_record", "approvals", "values", "receipts"]
    spoilings = [
        lambda text: text[: len(text) // 2],
        lambda text: text + "A",
        lambda text: text[:-1],
        lambda text: "\ufeff" + text,
        lambda text: text.replace(".", "", 1),
        lambda text: text.replace(".", "..", 1),
        lambda text: text + "." + text,
        lambda text: text.swapcase(),
        lambda text: text[::-1],
        lambda text: " " + text,
        lambda text: text.split(".")[0] + ".." + text.split(".")[2],
        lambda text: ".".join([text.split(".")[0], text.split(".")[1], "A" * 128]),
        lambda text: ".".join([text.split(".")[1], text.split(".")[0], text.split(".")[2]]),
        lambda _: "",
        lambda _: "\x00",
        lambda _: "x" * 600_000,
        lambda text: _flip(text, rng),
        lambda text: _flip(text, rng),
        lambda _: None,
        lambda _: 7,
        lambda _: True,
        lambda text: {"a": text},
        lambda text: [text],
        lambda text: [[text]],
        lambda text: loss.value if text != loss.value else genuine["ticket"],
        lambda text: genuine["request"] if text != genuine["request"] else genuine["ticket"],
    ]
    for name, spoil in itertools.product(names, spoilings):
        documents = copy.deepcopy(genuine)
        found = documents[name]
        documents[name] = [spoil(text) for text in found] if isinstance(found, list) else spoil(found)
        yield documents
    for name in names:
        yield {key: value for key, value in genuine.items() if key != name}
        yield {**genuine, name: {}}
        yield {**genuine, name: genuine[name] * 70 if isinstance(genuine[name], list) else [genuine[name]]}
    yield from ({}, {"ticket": {}}, {"": ""}, {"documents": genuine})
    for level in range(22):
        nested: Any = genuine["ticket"]
        for _ in range(level + 1):
            nested = {"ticket": nested}
        yield {**genuine, "ticket": nested}


def _flip(text: str, rng: random.Random) -> str:
    at = rng.choice([i for i, c in enumerate(text) if c != "."])
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def test_200_malformed_classes_get_identical_answers_and_open_nothing(
    maker: Maker, loss: Loss, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "REFUSED_CAP", 10_000)  # the reading is on trial here, not the cap
    genuine = loss.recovery()
    answers = [ask("recover", documents) for documents in malformed(loss, genuine, random.Random(SEED))]
    assert len(answers) == 200
    assert {str(answer) for answer in answers} == {str(REFUSED)}
    assert gates.openings() == 0
    assert ask("recover", genuine)["outcome"] == "done"


@pytest.mark.parametrize("documents", [[], "text", 7, None, [{}], {"request": 1}, {"notice": []}])
@pytest.mark.parametrize("kind", ["recover", "drill", "void"])
def test_a_request_of_another_shape_is_refused_alike(ask: Ask, kind: str, documents: Any) -> None:
    assert ask(kind, documents if documents is not None else {}) == REFUSED


def test_a_whole_desk_in_an_attackers_hands_recovers_no_key(maker: Maker, ask: Ask) -> None:
    """The attacker signs any ticket, receipt and void, and holds the papers of ten past recoveries."""
    rng = random.Random(SEED)
    losses = [Loss(maker, f"victim-{n}") for n in range(10)]
    past = [loss.recovery() for loss in losses]
    transfers = [ask("recover", documents)["transfer"] for documents in past]
    opened_before = gates.openings()
    accomplice = Loss(maker, "accomplice")  # a customer in league, with a real unit and its keys
    made = 0
    for loss, documents in zip(losses, past, strict=True):
        for attack in attacks(maker, accomplice, loss, documents, rng):
            made += 1
            assert ask("recover", attack) == REFUSED
    for loss, documents in zip(losses, past, strict=True):
        ticket_id = peek(documents["ticket"]).claims["id"]
        assert ask("void", maker.void(loss.owner, ticket_id))["outcome"] == "done"
        assert ask("recover", documents) == REFUSED
    assert made == 10 * 11
    assert not Request.objects.filter(inner_reason__startswith="cap.").exists()
    assert gates.openings() == opened_before
    assert TransferMade.objects.exclude(document="").count() == len(transfers)
    assert ledger.verify() == []


def attacks(
    maker: Maker, accomplice: Loss, loss: Loss, past: dict[str, Any], rng: random.Random
) -> Iterator[dict[str, Any]]:
    """What can be built from forged desk papers and all that was ever seen, without an honest signature."""
    fresh = loss.new.request()
    document = past["ticket"]
    # the past recovery, as it was, and towards the accomplice's unit
    yield past
    yield {**past, "request": accomplice.new.request(), "device_record": accomplice.new.record}
    yield {**past, "request": fresh}
    # a new ticket towards the accomplice's unit with the old approvals, or with approvals made up
    changed = maker.recovery(loss.owner, loss.old, accomplice.new, [loss.value], approvers=())
    yield {**changed, "approvals": past["approvals"]}
    yield {**changed, "approvals": []}
    yield {
        **changed,
        "approvals": [forged(maker, changed["ticket"], p, maker.desk_key) for p in ("bea", "carl")],
    }
    stranger = SigningKey.generate()
    yield {**changed, "approvals": [forged(maker, changed["ticket"], p, stranger) for p in ("bea", "carl")]}
    # a ticket for the accomplice with the victim's value and the accomplice's honest-looking approvals
    yield accomplice.recovery(values=[loss.value])
    # the same ticket and attempt once more under another number, or as another attempt without new approvals
    claims = ticket.read(document, maker.trust)
    again = maker.sign_ticket(maker.ticket(loss.owner, loss.old, loss.new, fresh, [loss.value], id=claims.id))
    yield {**past, "ticket": again, "request": fresh}
    later = maker.sign_ticket(
        maker.ticket(loss.owner, loss.old, loss.new, fresh, [loss.value], id=claims.id, attempt=2)
    )
    yield {**past, "ticket": later, "request": fresh}
    # one real approval doubled by its other valid ECDSA signature
    yield {**past, "approvals": [past["approvals"][0], malleated(past["approvals"][0])]}


def forged(maker: Maker, document: str, person: str, key: SigningKey) -> str:
    read = ticket.read(document, maker.trust)
    return approval.issue(read, person=person, iat=now(), signer=KeySigner(key))


def malleated(text: str) -> str:
    """The second signature that ECDSA gives everybody for free: (r, n - s)."""
    from sealing.encoding import b64u, from_b64u

    order = int(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16
    )
    head, payload, signature = text.split(".")
    raw = from_b64u(signature)
    s = order - int.from_bytes(raw[48:], "big")
    return f"{head}.{payload}.{b64u(raw[:48] + s.to_bytes(48, 'big'))}"


def test_a_forged_value_holding_a_key_the_attacker_knows_is_not_accepted(
    maker: Maker, loss: Loss, ask: Ask
) -> None:
    """Values are signed by units.

    The attacker's own key, sealed under the victim's name, has no such signature.
    """
    pretender = Maker().unit(loss.old.serial)
    forged_value = pretender.value(
        loss.owner, BackupKey.generate(1), pretender.maker.escrow.public.thumbprint
    )
    documents = loss.recovery()
    assert ask("recover", {**documents, "values": [forged_value]}) == REFUSED
    assert gates.openings() == 0


def test_custody_takes_no_trust_from_a_request(maker: Maker, ask: Ask, loss: Loss) -> None:
    """Rosters, lists and roots that come with a request are not even looked at."""
    other = Maker()
    documents = {
        **loss.recovery(approvers=()),
        "roster": other.roster,
        "rosters": [other.roster],
        "authority_list": other.authority_list,
        "root": other.public()["root"],
    }
    before = trust.current_trust()
    assert ask("recover", documents) == REFUSED
    after = trust.current_trust()
    assert (after.root, after.roster, after.authorities) == (before.root, before.roster, before.authorities)


def test_lists_and_rosters_of_another_root_are_never_taken(maker: Maker) -> None:
    other = Maker()
    with pytest.raises(Refused):
        trust.take_authority_list(other.authority_list)
    with pytest.raises(Refused):
        trust.take_roster(other.roster)
