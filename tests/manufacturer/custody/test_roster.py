"""Who may change the roster, and how a custodian or anybody on it acts by command."""

from __future__ import annotations

import dataclasses
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.site import site
from manufacturer.custody import people, trust
from manufacturer.custody.engine import gates
from manufacturer.custody.errors import NotACustodian, RosterRefused
from manufacturer.custody.keyholder import KeyHolder
from manufacturer.custody.models import Barred, LedgerRow, RosterVersion
from sealing.documents.roster import RosterPerson
from sealing.ecdsa import SigningKey
from sealing.encoding import b64u
from sealing.errors import Refused
from sealing.passphrase import Passphrase, seal_key
from tests.support.maker import REFUSED, Ask, Loss, Maker

PHRASE = Passphrase.of("a passphrase for people")


def person(name: str, *roles: str) -> RosterPerson:
    key = SigningKey.generate()
    return RosterPerson(
        id=name, name=name, roles=roles, key=b64u(key.public.raw), state="active", customer=None
    )


def key_file(tmp_path: Path, maker: Maker, name: str) -> Path:
    path = tmp_path / f"{name}.key"
    path.write_text(seal_key(maker.people[name], PHRASE, use="approver", name=name))
    return path


def test_a_custodian_adds_a_person(maker: Maker, keys: KeyHolder) -> None:
    text = maker.next_roster([*maker.roster_people(), person("fred", "approver")], "emil")
    assert people.take(text, keys).version == 2
    assert trust.current_trust().roster.find("fred") is not None
    assert LedgerRow.objects.count() == 1


@pytest.mark.parametrize("signer", ["bea", "carl"])
def test_an_approver_cannot_add_a_person(maker: Maker, keys: KeyHolder, signer: str) -> None:
    text = maker.next_roster([*maker.roster_people(), person("fred", "approver")], signer)
    with pytest.raises(RosterRefused) as refusal:
        people.take(text, keys)
    assert refusal.value.facts == {"fault": "chain.not-custodian"}
    assert trust.current_trust().roster.version == 1
    assert not LedgerRow.objects.exists()


def test_anybody_on_the_roster_suspends_and_the_suspended_approve_nothing(
    maker: Maker, keys: KeyHolder, loss: Loss, ask: Ask
) -> None:
    suspended = [
        dataclasses.replace(p, state="suspended") if p.id == "carl" else p for p in maker.roster_people()
    ]
    people.take(maker.next_roster(suspended, "bea"), keys)
    assert ask("recover", loss.recovery()) == REFUSED
    assert ask("recover", loss.recovery(approvers=("bea", "dora")))["outcome"] == "done"


def test_the_same_version_again_or_an_older_one_is_refused(maker: Maker, keys: KeyHolder) -> None:
    second = maker.next_roster([*maker.roster_people(), person("fred", "approver")], "emil")
    other = maker.next_roster([*maker.roster_people(), person("gina", "approver")], "emil")
    people.take(second, keys)
    for text in (second, other, maker.roster):
        with pytest.raises(RosterRefused):
            people.take(text, keys)
    assert trust.current_trust().roster.version == 2
    assert RosterVersion.objects.count() == 2


def test_a_ceremony_is_taken_once(maker: Maker) -> None:
    other = Maker()
    with pytest.raises(Exception, match="already"):
        trust.begin(other.root, other.authority_list, other.roster)


def test_a_roster_out_of_line_in_the_store_stops_custody(maker: Maker) -> None:
    RosterVersion.objects.filter(version=1).update(document=Maker().roster)
    with pytest.raises(Refused):
        trust.current_trust()


@pytest.mark.parametrize(
    "spec", ["fred", "fred:approver", "fred:king:{}", "a b:approver:{}", "fred:approver:/x"]
)
def test_a_person_badly_written_is_refused(tmp_path: Path, spec: str) -> None:
    file = tmp_path / "fred.pub"
    file.write_text(json.dumps({"public": b64u(SigningKey.generate().public.raw)}))
    with pytest.raises(RosterRefused):
        people.person_from(spec.format(file))


def test_a_person_is_read_from_a_public_half_or_a_key_file(tmp_path: Path) -> None:
    key = SigningKey.generate()
    public, whole = tmp_path / "fred.pub", tmp_path / "fred.key"
    public.write_text(json.dumps({"public": b64u(key.public.raw)}))
    whole.write_text(seal_key(key, PHRASE, use="approver", name="fred"))
    first = people.person_from(f"fred:approver,custodian:{public}")
    assert first == people.person_from(f"fred:approver,custodian:{whole}")
    assert first.public() == key.public


def test_only_a_custodian_proves_to_be_one(maker: Maker, tmp_path: Path) -> None:
    assert people.prove_custodian(key_file(tmp_path, maker, "emil"), PHRASE).id == "emil"
    with pytest.raises(NotACustodian):
        people.prove_custodian(key_file(tmp_path, maker, "bea"), PHRASE)
    with pytest.raises(NotACustodian):
        people.prove_custodian(key_file(tmp_path, maker, "emil"), Passphrase.of("another passphrase"))
    stranger = tmp_path / "stranger.key"
    stranger.write_text(seal_key(SigningKey.generate(), PHRASE, use="approver", name="emil"))
    with pytest.raises(NotACustodian):
        people.prove_custodian(stranger, PHRASE)


@pytest.fixture
def unlocked_site(maker: Maker) -> None:
    """Key files and a passphrase file in custody's own site, as the ceremony leaves them."""
    phrase, keys = Passphrase.of("the passphrase of custody"), site().keys
    keys.mkdir(exist_ok=True)
    (keys / "custody.key").write_text(seal_key(maker.custody_key, phrase, use="custody", name="c"))
    (keys / "escrow-authority.key").write_text(seal_key(maker.escrow, phrase, use="escrow", name="e"))
    secret = site().secrets / "custody.pass"
    secret.write_text("the passphrase of custody\n")
    secret.chmod(0o600)


def run(tmp_path: Path, maker: Maker, signer: str, *arguments: Any) -> str:
    phrase = tmp_path / "people.pass"
    phrase.write_text("a passphrase for people")
    phrase.chmod(0o600)
    out = StringIO()
    signed = ["--key", str(key_file(tmp_path, maker, signer)), "--passphrase-file", str(phrase)]
    call_command("custody_roster", *signed, *[str(a) for a in arguments], stdout=out)
    return out.getvalue().strip()


def test_the_command_adds_suspends_releases_and_bars(
    maker: Maker, tmp_path: Path, unlocked_site: None
) -> None:
    file = tmp_path / "fred.pub"
    file.write_text(json.dumps({"public": b64u(SigningKey.generate().public.raw)}))
    gates.count("customer:x", refused=99)
    assert run(tmp_path, maker, "emil", "add", f"fred:approver:{file}") == "version 2 in force"
    assert run(tmp_path, maker, "bea", "suspend", "fred") == "version 3 in force"
    assert "fred\tapprover\tsuspended" in run(tmp_path, maker, "bea", "show")
    assert run(tmp_path, maker, "emil", "release", "customer:x") == "released"
    assert run(tmp_path, maker, "bea", "bar", "key", "00" * 16, "erased for good") == "barred for ever"
    assert Barred.objects.get().reason == "erased for good"
    assert LedgerRow.objects.count() == 4


def test_the_command_refuses_an_approver_who_adds_or_releases(
    maker: Maker, tmp_path: Path, unlocked_site: None
) -> None:
    file = tmp_path / "fred.pub"
    file.write_text(json.dumps({"public": b64u(SigningKey.generate().public.raw)}))
    with pytest.raises(CommandError, match=r"custody\.roster-refused"):
        run(tmp_path, maker, "bea", "add", f"fred:approver:{file}")
    with pytest.raises(CommandError, match=r"custody\.not-a-custodian"):
        run(tmp_path, maker, "bea", "release", "customer:x")


def test_a_passphrase_file_that_others_can_read_is_refused(maker: Maker, unlocked_site: None) -> None:
    from manufacturer.custody.errors import PassphraseUnsafe
    from manufacturer.custody.keyholder import try_passphrase_file

    (site().secrets / "custody.pass").chmod(0o640)
    with pytest.raises(PassphraseUnsafe):
        try_passphrase_file()
