"""The ledger shows every tampering; the scan counts planted secrets and finds none where none are."""

from __future__ import annotations

import base64
import random
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from manufacturer.custody.engine import ledger
from manufacturer.custody.engine.scan import scan
from manufacturer.custody.keyholder import KeyHolder
from manufacturer.custody.models import LedgerRow
from sealing.documents import ledger as document
from sealing.errors import Misuse
from tests.support.maker import Ask, Loss, Maker, now


@pytest.fixture
def entries(maker: Maker, ask: Ask) -> list[LedgerRow]:
    """Six entries: three recoveries with intent and result."""
    for name in ("acme", "bell", "cord"):
        ask("recover", Loss(maker, name).recovery())
    return list(LedgerRow.objects.all())


def test_a_whole_ledger_verifies(entries: list[LedgerRow]) -> None:
    assert len(entries) == 6
    assert ledger.verify() == []


def cut(rows: list[LedgerRow]) -> None:
    rows[2].delete()


def cut_first(rows: list[LedgerRow]) -> None:
    rows[0].delete()


def swapped(rows: list[LedgerRow]) -> None:
    texts = rows[1].document, rows[3].document
    LedgerRow.objects.filter(pk=rows[1].pk).update(document=texts[1])
    LedgerRow.objects.filter(pk=rows[3].pk).update(document=texts[0])


def altered(rows: list[LedgerRow]) -> None:
    text = rows[4].document
    LedgerRow.objects.filter(pk=rows[4].pk).update(document=text[:-5] + text[-5:].swapcase())


def repointed(rows: list[LedgerRow]) -> None:
    LedgerRow.objects.filter(pk=rows[5].pk).update(digest="x" * 64)


def by_another_custody(rows: list[LedgerRow]) -> None:
    other = Maker()
    claims = document.LedgerEntry(
        sequence=1,
        previous=None,
        iat=now(),
        kind="recover",
        phase="intent",
        outcome="begun",
        request=None,
        customer=None,
        subject="nothing to see",
        values=(),
    )
    text = document.issue(claims, other.custody_signer)
    LedgerRow.objects.filter(pk=rows[0].pk).update(document=text, digest=document.digest(text))


@pytest.mark.parametrize("tamper", [cut, cut_first, swapped, altered, repointed, by_another_custody])
def test_a_ledger_that_was_touched_does_not(entries: list[LedgerRow], tamper: Any) -> None:
    tamper(entries)
    assert ledger.verify() != []
    with pytest.raises(CommandError):
        call_command("verify_custody_ledger")


def test_only_the_front_desks_countersignature_of_that_entry_is_kept(
    entries: list[LedgerRow], maker: Maker
) -> None:
    first, second = (document.read(row.document, maker.trust) for row in entries[:2])
    good = document.countersign(first, iat=now(), signer=maker.desk_signer)
    of_another = document.countersign(second, iat=now(), signer=maker.desk_signer)
    by_another = document.countersign(first, iat=now(), signer=Maker().desk_signer)
    assert ledger.take_countersignatures({first.digest: of_another}) == 0
    assert ledger.take_countersignatures({first.digest: by_another}) == 0
    assert ledger.take_countersignatures({"unknown": good}) == 0
    assert ledger.take_countersignatures({first.digest: good}) == 1
    assert len(ledger.unposted(100)) == 5
    assert ledger.verify() == []


def test_a_countersignature_exchanged_in_the_store_is_found(entries: list[LedgerRow], maker: Maker) -> None:
    second = document.read(entries[1].document, maker.trust)
    wrong = document.countersign(second, iat=now(), signer=maker.desk_signer)
    LedgerRow.objects.filter(pk=entries[0].pk).update(countersignature=wrong)
    assert ledger.verify() == ["countersignature of entry 1: binding.sequence"]


# --- scan ---------------------------------------------------------------------------------------------------


def plant(path: Path, secret: bytes) -> int:
    """The secret in every channel and encoding; how many places."""
    rng = random.Random(7)
    places = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    for lead in range(3):
        places.append(base64.b64encode(rng.randbytes(lead) + secret + b"!!"))
        places.append(base64.urlsafe_b64encode(rng.randbytes(lead) + secret + b"!!"))
    for n, place in enumerate(places):
        (path / f"channel-{n}").write_bytes(rng.randbytes(1000 + n) + place + rng.randbytes(500))
    return len(places)


def test_the_scan_finds_nothing_in_custodys_own_store_and_everything_planted(
    loss: Loss, ask: Ask, keys: KeyHolder, tmp_path: Path
) -> None:
    reply = ask("recover", loss.recovery())
    (tmp_path / "answer").write_text(str(reply))
    assert scan([tmp_path], keys).total == 0
    planted = tmp_path / "planted"
    planted.mkdir()
    places = plant(planted, loss.key.secret.reveal())
    report = scan([tmp_path], keys)
    assert report.hits["backup-key"] >= places
    assert (report.hits["custody-key"], report.hits["authority-key"]) == (0, 0)


def test_the_scan_finds_custodys_private_keys(maker: Maker, keys: KeyHolder, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(maker.escrow.seed().reveal())
    (tmp_path / "b").write_text(maker.custody_key.to_secret().reveal().hex())
    report = scan([tmp_path], keys)
    assert (report.hits["authority-key"], report.hits["custody-key"], report.hits["backup-key"]) == (1, 1, 0)


def test_the_scan_opens_drilled_values_too_and_stands_in_the_ledger(
    loss: Loss, ask: Ask, keys: KeyHolder, tmp_path: Path
) -> None:
    ask("drill", {"request": loss.old.drill(loss.owner, loss.value)})
    (tmp_path / "leak").write_bytes(loss.key.secret.reveal())
    before = LedgerRow.objects.count()
    assert scan([tmp_path], keys).hits["backup-key"] == 1
    assert LedgerRow.objects.count() == before + 2


def test_the_holder_of_the_keys_does_not_print_itself(keys: KeyHolder) -> None:
    with pytest.raises(Misuse):
        repr(keys)
    with pytest.raises(Misuse):
        f"{keys}"


def test_the_verify_command_says_how_much_it_saw(entries: list[LedgerRow]) -> None:
    out = StringIO()
    call_command("verify_custody_ledger", stdout=out)
    assert out.getvalue().startswith("6 entries, whole; 0 countersigned")
