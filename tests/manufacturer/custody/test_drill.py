"""A drill goes along the path of a recovery and lets out a proof, never a key."""

from __future__ import annotations

from typing import Any

import pytest

from manufacturer.custody.engine import gates
from manufacturer.custody.keyholder import KeyHolder
from manufacturer.custody.models import Barred, LedgerRow, Request
from sealing.backupkey import BackupKey
from sealing.documents import drill, ledger
from sealing.errors import Refused
from tests.support.maker import REFUSED, Ask, Loss, Maker, Owner


def test_a_proof_satisfies_the_unit_that_has_the_key(loss: Loss, ask: Ask, maker: Maker) -> None:
    request = loss.old.drill(loss.owner, loss.value)
    reply = ask("drill", {"request": request})
    proof = drill.read_proof(reply["proof"], maker.trust)
    drill.check(proof, request, loss.value, loss.key, maker.trust)
    assert gates.openings() == 1


def test_a_proof_does_not_satisfy_a_unit_with_another_key(loss: Loss, ask: Ask, maker: Maker) -> None:
    request = loss.old.drill(loss.owner, loss.value)
    proof = drill.read_proof(ask("drill", {"request": request})["proof"], maker.trust)
    with pytest.raises(Refused) as refused:
        drill.check(proof, request, loss.value, BackupKey.generate(1), maker.trust)
    assert refused.value.code == "commitment.another-key"


def test_a_later_unit_of_the_appliance_may_drill_an_earlier_ones_value(loss: Loss, ask: Ask) -> None:
    assert ask("drill", {"request": loss.new.drill(loss.owner, loss.value)})["outcome"] == "done"


def test_a_unit_of_another_customer_cannot_drill_the_value(loss: Loss, ask: Ask, maker: Maker) -> None:
    other = Loss(maker, "mallory")
    assert ask("drill", {"request": other.old.drill(other.owner, loss.value)}) == REFUSED
    assert gates.openings() == 0


def test_a_drill_of_another_appliance_of_the_customer_is_refused(loss: Loss, ask: Ask) -> None:
    sibling = Owner(loss.owner.name, loss.owner.id)
    assert ask("drill", {"request": loss.old.drill(sibling, loss.value)}) == REFUSED


def test_a_replayed_drill_is_refused(loss: Loss, ask: Ask) -> None:
    documents = {"request": loss.old.drill(loss.owner, loss.value)}
    assert ask("drill", documents)["outcome"] == "done"
    assert [ask("drill", documents) for _ in range(10)] == [REFUSED] * 10
    assert gates.openings() == 1


@pytest.mark.parametrize("which", ["old", "new"])
def test_a_drill_by_or_over_a_barred_identity_is_refused(loss: Loss, ask: Ask, which: str) -> None:
    Barred.objects.create(kind="identity", name=getattr(loss, which).certificate.thumbprint, reason="stolen")
    assert ask("drill", {"request": loss.new.drill(loss.owner, loss.value)}) == REFUSED
    assert gates.openings() == 0


def test_a_barred_key_is_not_drilled(loss: Loss, ask: Ask) -> None:
    Barred.objects.create(kind="key", name=loss.key.key_id, reason="erased")
    assert ask("drill", {"request": loss.old.drill(loss.owner, loss.value)}) == REFUSED


def test_drills_of_one_unit_are_capped(loss: Loss, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "DRILLED_CAP", 3)
    answers = [ask("drill", {"request": loss.old.drill(loss.owner, loss.value)}) for _ in range(5)]
    assert [answer["outcome"] for answer in answers] == ["done"] * 3 + ["refused"] * 2
    assert gates.openings() == 3


def test_a_drill_stands_in_the_ledger_before_and_after(loss: Loss, ask: Ask, maker: Maker) -> None:
    ask("drill", {"request": loss.old.drill(loss.owner, loss.value)})
    entries = [ledger.read(row.document, maker.trust) for row in LedgerRow.objects.all()]
    assert [(e.kind, e.phase, e.outcome, e.customer) for e in entries] == [
        ("drill", "intent", "begun", loss.owner.id),
        ("drill", "result", "done", loss.owner.id),
    ]


def test_drill_and_recovery_open_by_the_same_verb(
    loss: Loss, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = KeyHolder.open

    def watched(self: KeyHolder, value: Any, trust: Any) -> BackupKey:
        opened.append(value.digest)
        return real(self, value, trust)

    monkeypatch.setattr(KeyHolder, "open", watched)
    ask("drill", {"request": loss.old.drill(loss.owner, loss.value)})
    ask("recover", loss.recovery())
    assert len(opened) == 2
    assert len(set(opened)) == 1


def test_no_proof_and_no_row_holds_the_key(loss: Loss, ask: Ask) -> None:
    reply = ask("drill", {"request": loss.old.drill(loss.owner, loss.value)})
    secret = loss.key.secret.reveal().hex()
    assert secret not in str(reply)
    assert secret not in str(list(Request.objects.values()))
