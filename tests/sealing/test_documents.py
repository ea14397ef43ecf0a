"""What documents do beyond the vectors: writers refuse contradictions, lists and rosters grow."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from sealing.backupkey import BackupKey
from sealing.documents import (
    approval,
    authority_list,
    device_record,
    drill,
    head,
    roster,
    ticket,
    transfer,
    transfer_request,
    value,
)
from sealing.ecdsa import SigningKey
from sealing.encoding import Digest, b64u, from_b64u, normalise_pasted
from sealing.errors import BindingRefused, ChainRefused, EncodingRefused, HeaderRefused, Misuse
from sealing.hpke import KemPrivateKey, KemPublicKey
from sealing.jose import KeySigner, digest, peek
from sealing.passphrase import (
    MIN_PASSPHRASE,
    Passphrase,
    PrivateKey,
    WeakPassphrase,
    open_key,
    read_key_file,
    seal_key,
)
from sealing.trust import Trust
from tests.sealing.world import CUSTOMER, NOW, Human
from tests.vectors.forge import claims_of
from tests.vectors.scene import LATER, Scene


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture
def trust(scene: Scene) -> Trust:
    """A trust that a test may change."""
    return Trust(scene.root, scene.authorities, [scene.first_roster])


# --- texts --------------------------------------------------------------------------------------------------


def test_a_pasted_value_is_read_once_normalised(scene: Scene) -> None:
    pasted = "\r\n".join(scene.value[i : i + 76] for i in range(0, len(scene.value), 76)) + "\n"
    assert value.read(normalise_pasted("  " + pasted), scene.trust).text == scene.value
    with pytest.raises(EncodingRefused):
        value.read(pasted, scene.trust)


def test_a_digest_does_not_change_with_the_other_valid_signature(scene: Scene) -> None:
    order = int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)
    signed, signature = scene.value.rsplit(".", 1)
    raw = from_b64u(signature)
    other = raw[:48] + (order - int.from_bytes(raw[48:], "big")).to_bytes(48, "big")
    twin = f"{signed}.{b64u(other)}"
    read = value.read(twin, scene.trust)
    assert twin != scene.value
    assert read.digest == digest(scene.value) == value.read(scene.value, scene.trust).digest


def test_a_text_is_peeked_at_without_being_believed(scene: Scene) -> None:
    assert peek(scene.value).header["key_id"] == scene.key.key_id
    assert peek(scene.ticket).claims["number"] == "RMA-2026-0001"
    assert peek(scene.value).claims == {}
    for bad in ("", "a.b.c", "e30.e30.e30"):
        with pytest.raises((EncodingRefused, HeaderRefused)):
            peek(bad)


def test_what_was_made_here_cannot_pass_for_something_read(scene: Scene) -> None:
    claims = scene.ticket_claims([scene.value], scene.request)
    uses: list[Callable[[], str]] = [
        lambda: claims.digest,
        lambda: claims.text,
        lambda: claims.kid,
        claims.render,
    ]
    for use in uses:
        with pytest.raises(Misuse):
            use()
    with pytest.raises(Misuse):
        value.open_value(
            dataclasses.replace(value.read(scene.value, scene.trust), parsed=None), scene.escrow, scene.trust
        )


def test_claims_of_a_wrong_shape_are_the_writers_mistake(scene: Scene) -> None:
    claims = dataclasses.replace(scene.ticket_claims([scene.value], scene.request), reason="a\nb")
    with pytest.raises(Misuse):
        ticket.issue(claims, scene.desk_signer)


def test_a_signer_without_certificates_makes_no_unit_document(scene: Scene) -> None:
    with pytest.raises(Misuse):
        transfer_request.issue(
            serial="78-D0412",
            kem_thumbprint=scene.target.kem.public.thumbprint,
            iat=NOW,
            signer=KeySigner(scene.source.signing),
        )
    with pytest.raises(Misuse):
        KeySigner(scene.source.signing, chain=scene.source.signer.chain)


# --- values -------------------------------------------------------------------------------------------------


def test_a_value_is_made_for_each_active_escrow_key_and_each_opens_alone(scene: Scene) -> None:
    owner = {"customer": CUSTOMER.id, "appliance": CUSTOMER.id, "serial": scene.source.serial, "iat": NOW}
    made = value.issue_all(scene.key, **owner, trust=scene.trust, signer=scene.source.signer)  # type: ignore[arg-type]
    read = {v.suite: v for v in (value.read(text, scene.trust) for text in made)}
    by_kem = value.open_value(read["mlkem768x25519-shake256-aes256gcm"], scene.escrow, scene.trust)
    by_rsa = value.open_value(read["rsa-oaep-sha256"], scene.oaep, scene.trust)
    assert by_kem.secret == by_rsa.secret == scene.key.secret
    assert len(made) == 2


@pytest.mark.parametrize("state", ["retired", "revoked"])
def test_nothing_new_is_sealed_to_a_key_that_is_not_active(scene: Scene, trust: Trust, state: str) -> None:
    trust.take_authority_list(scene.make_authorities(2, escrow=state))
    with pytest.raises(ChainRefused):
        scene.make_value(scene.key, trust=trust)
    with pytest.raises(ChainRefused):
        trust.escrow_keys_for_sealing()


def test_a_value_of_a_retired_escrow_key_still_opens(scene: Scene, trust: Trust) -> None:
    trust.take_authority_list(scene.make_authorities(2, escrow="retired"))
    opened = value.open_value(value.read(scene.value, trust), scene.escrow, trust)
    assert opened.secret == scene.key.secret


def test_two_values_of_one_key_have_nothing_sealed_in_common(scene: Scene) -> None:
    first, second = scene.make_value(scene.key), scene.make_value(scene.key)
    assert first.split(".")[1] != second.split(".")[1]
    assert digest(first) != digest(second)


# --- authority list and roster ------------------------------------------------------------------------------


def test_a_retired_key_still_verifies_and_a_revoked_one_does_not(scene: Scene, trust: Trust) -> None:
    trust.take_authority_list(scene.make_authorities(2, custody="retired"))
    assert transfer.read(scene.transfer, trust).ticket.attempt == 1
    trust.take_authority_list(scene.make_authorities(3, custody="revoked"))
    with pytest.raises(ChainRefused):
        transfer.read(scene.transfer, trust)


def test_the_same_list_again_is_harmless_and_an_older_one_changes_nothing(scene: Scene, trust: Trust) -> None:
    newer = scene.make_authorities(5)
    trust.take_authority_list(newer)
    trust.take_authority_list(newer)
    with pytest.raises(BindingRefused):
        trust.take_authority_list(scene.make_authorities(4))
    assert trust.authorities.version == 5


def test_a_list_that_contradicts_itself_is_not_even_signed(scene: Scene) -> None:
    entry = scene.entries()[0]
    with pytest.raises(ChainRefused):
        scene.list_of((entry, entry))


def _next(scene: Scene, trust: Trust, people: tuple[roster.RosterPerson, ...], by: Human) -> str:
    known = trust.roster
    claims = roster.Roster(version=known.version + 1, previous=known.digest, iat=NOW, people=people)
    return roster.issue(claims, by.signer)


def test_a_custodian_adds_and_an_approver_suspends(scene: Scene, trust: Trust) -> None:
    a, b, c, _ = scene.people
    newcomer = Human("person-9", "Person 9", SigningKey.generate())
    second = _next(scene, trust, (*trust.roster.people, newcomer.on_roster("approver")), c)
    trust.take_roster(second)
    suspended = (dataclasses.replace(trust.roster.people[1], state="suspended"),)
    third = _next(scene, trust, (trust.roster.people[0], *suspended, *trust.roster.people[2:]), a)
    trust.take_roster(third)
    assert trust.roster.version == 3
    with pytest.raises(ChainRefused):
        approval.read(scene.approve(scene.ticket, b), scene.ticket_read, trust)
    approval.read(scene.approve(scene.ticket, newcomer), scene.ticket_read, trust)
    replayed = Trust(scene.root, scene.authorities, [scene.first_roster, second, third])
    assert replayed.roster.digest == trust.roster.digest


def test_an_approver_cannot_bring_back_who_was_suspended(scene: Scene, trust: Trust) -> None:
    a, _, c, _ = scene.people
    suspended = dataclasses.replace(trust.roster.people[1], state="suspended")
    active = trust.roster.people
    trust.take_roster(_next(scene, trust, (active[0], suspended, *active[2:]), c))
    with pytest.raises(ChainRefused):
        trust.take_roster(_next(scene, trust, active, a))
    trust.take_roster(_next(scene, trust, active, c))


def test_an_old_roster_cannot_come_back(scene: Scene, trust: Trust) -> None:
    second = _next(scene, trust, trust.roster.people, scene.people[2])
    trust.take_roster(second)
    for old in (scene.first_roster, second):
        with pytest.raises((ChainRefused, BindingRefused)):
            trust.take_roster(old)
    assert trust.roster.version == 2


def test_a_trust_without_roster_believes_nobody(scene: Scene) -> None:
    bare = Trust(scene.root, scene.authorities)
    with pytest.raises(Misuse):
        approval.read(scene.approvals[0], scene.ticket_read, bare)


def test_a_trust_begins_with_a_root_and_a_list_under_it(scene: Scene) -> None:
    with pytest.raises(ChainRefused):
        Trust(scene.device_authority, scene.authorities)
    with pytest.raises(ChainRefused):
        Trust(Scene().root, scene.authorities)


# --- tickets, approvals, transfers --------------------------------------------------------------------------


def test_a_ticket_renders_every_claim_that_could_mislead(scene: Scene) -> None:
    rendered = scene.ticket_read.render()
    claims = claims_of(scene.ticket)
    said = [
        claims["number"],
        claims["id"],
        claims["kind"],
        claims["reason"],
        claims["customer"]["name"],
        claims["customer"]["id"],
        claims["appliance"]["name"],
        *[claims["source"][name] for name in ("serial", "certificate", "ended")],
        *[v[name] for v in claims["values"] for name in ("digest", "serial", "key_id")],
        *[
            claims["target"][name]
            for name in ("serial", "certificate", "kem_thumbprint", "vault", "request", "nonce")
        ],
        claims["opened_by"]["name"],
        claims["edited_by"][0]["name"],
        digest(scene.ticket),
    ]
    assert [word for word in said if word not in rendered] == []
    assert {c for c in rendered if not c.isprintable()} == {"\n"}


def test_a_head_on_a_ticket_is_rendered_and_travels_in_the_transfer(scene: Scene) -> None:
    reference = head.read(scene.head, scene.trust).reference()
    claims = dataclasses.replace(scene.ticket_claims([scene.value], scene.request), heads=(reference,))
    text = ticket.issue(claims, scene.desk_signer)
    read = ticket.read(text, scene.trust)
    assert reference.header in read.render()
    made = transfer.issue(
        read,
        scene.request_read,
        scene.target_kem,
        [(scene.key, digest(scene.value))],
        iat=NOW,
        exp=LATER,
        signer=scene.custody_signer,
    )
    assert transfer.read(made, scene.trust).heads == (reference,)


def test_a_third_approval_makes_unlodged_values_good(scene: Scene) -> None:
    claims = scene.ticket_claims([scene.value], scene.request)
    loose = dataclasses.replace(claims, values=(dataclasses.replace(claims.values[0], lodged_at=None),))
    text = ticket.issue(loose, scene.desk_signer)
    read = ticket.read(text, scene.trust)
    three = [scene.approve(text, human) for human in scene.people[:3]]
    with pytest.raises(BindingRefused):
        approval.require_round(three[:2], read, scene.trust)
    assert len(approval.require_round(three, read, scene.trust)) == 3


Given = tuple[transfer_request.TransferRequest, KemPublicKey, list[tuple[BackupKey, Digest]]]
CONTRADICTIONS: dict[str, Callable[[Scene], Given]] = {
    "another device key": lambda s: (s.request_read, s.source.kem.public, [(s.key, digest(s.value))]),
    "another request": lambda s: (
        transfer_request.read(s.make_request(), s.trust),
        s.target_kem,
        [(s.key, digest(s.value))],
    ),
    "a value that the ticket does not name": lambda s: (
        s.request_read,
        s.target_kem,
        [(s.key, digest(s.oaep_value))],
    ),
}


@pytest.mark.parametrize("given", CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_a_transfer_that_contradicts_its_ticket_is_not_made(
    scene: Scene, given: Callable[[Scene], Given]
) -> None:
    request, kem, keys = given(scene)
    with pytest.raises(BindingRefused):
        transfer.issue(
            scene.ticket_read,
            request,
            kem,
            keys,
            iat=NOW,
            exp=LATER,
            signer=scene.custody_signer,
        )


def test_a_transfer_of_nothing_or_of_one_key_twice_is_misuse(scene: Scene) -> None:
    twice = [(scene.key, digest(scene.value))] * 2
    for keys in ([], twice):
        with pytest.raises(Misuse):
            transfer.issue(
                scene.ticket_read,
                scene.request_read,
                scene.target_kem,
                keys,
                iat=NOW,
                exp=LATER,
                signer=scene.custody_signer,
            )


def test_a_transfer_opens_for_its_own_unit_and_for_no_other_of_ten() -> None:
    scene = Scene()
    units = [scene.make_unit(f"78-G{i:04}") for i in range(10)]
    requests = [
        transfer_request.issue(
            serial=unit.serial, kem_thumbprint=unit.kem.public.thumbprint, iat=NOW, signer=unit.signer
        )
        for unit in units
    ]
    made = []
    for unit, request in zip(units, requests, strict=True):
        text = ticket.issue(scene.ticket_claims([scene.value], request), scene.desk_signer)
        kem = device_record.read(unit.record, scene.trust).kem_key()
        made.append(
            transfer.issue(
                ticket.read(text, scene.trust),
                transfer_request.read(request, scene.trust),
                kem,
                [(scene.key, digest(scene.value))],
                iat=NOW,
                exp=LATER,
                signer=scene.custody_signer,
            )
        )
    opened = refused = 0
    for i, text in enumerate(made):
        for j, unit in enumerate(units):
            read = transfer.read(text, scene.trust)
            asked = transfer_request.read(requests[j], scene.trust)
            try:
                keys = transfer.open_transfer(read, asked, unit.kem, now=NOW)
            except BindingRefused:
                refused += 1
            else:
                opened += i == j and keys[0].secret == scene.key.secret
    assert (opened, refused) == (10, 90)


def test_values_of_twenty_customers_refuse_all_others() -> None:
    scene = Scene()
    customers = [f"{i:08}-0000-4000-8000-000000000000" for i in range(20)]
    values = [
        value.read(
            value.issue(
                BackupKey.generate(1),
                authority=scene.escrow.public.thumbprint,
                serial=scene.source.serial,
                customer=customer,
                appliance=customer,
                iat=NOW,
                trust=scene.trust,
                signer=scene.source.signer,
            ),
            scene.trust,
        )
        for customer in customers
    ]
    refused = 0
    for mine in values:
        mine.require_owner(mine.customer)
        for other in customers:
            try:
                mine.require_owner(other)
            except BindingRefused:
                refused += 1
    assert refused == 380


# --- drills -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["symmetric", "hybrid"])
def test_a_drill_proves_either_kind_of_key_without_carrying_it(scene: Scene, kind: str) -> None:
    key = {"symmetric": scene.key, "hybrid": scene.hybrid_key}[kind]
    text = {"symmetric": scene.value, "hybrid": scene.hybrid_value}[kind]
    request = drill.issue_request(
        text,
        serial=scene.source.serial,
        customer=CUSTOMER.id,
        appliance=value.read(text, scene.trust).appliance,
        purpose="scheduled",
        iat=NOW,
        signer=scene.source.signer,
    )
    asked, read = drill.read_request(request, scene.trust)
    opened = value.open_value(read, scene.escrow, scene.trust)
    proof = drill.issue_proof(asked, read, opened, iat=NOW, signer=scene.custody_signer)
    drill.check(drill.read_proof(proof, scene.trust), request, text, key, scene.trust)
    assert key.secret.reveal() not in from_b64u(proof.split(".")[1])


def test_two_drills_of_one_value_have_different_answers(scene: Scene) -> None:
    answers = {
        drill.answer(
            scene.key,
            nonce=b64u(bytes([i]) * 32),
            value=digest(scene.value),
            authority=scene.escrow.public.thumbprint,
        )
        for i in range(20)
    }
    assert len(answers) == 20


# --- key files ----------------------------------------------------------------------------------------------


def test_a_short_passphrase_protects_no_key() -> None:
    with pytest.raises(WeakPassphrase):
        seal_key(SigningKey.generate(), Passphrase.of("x" * (MIN_PASSPHRASE - 1)), use="approver", name="P")


def test_a_key_file_opens_for_its_use_in_each_suite(scene: Scene) -> None:
    passphrase = Passphrase.of("correct horse battery staple")
    keys: list[tuple[str, PrivateKey]] = [
        ("escrow", scene.escrow),
        ("escrow", scene.oaep),
        ("custody", SigningKey.generate()),
    ]
    for use, key in keys:
        text = seal_key(key, passphrase, use=use, name="Key")
        again = open_key(text, Passphrase.of("correct horse battery staple\n"), use=use)
        assert again.public.raw == key.public.raw
        assert read_key_file(text).kid == key.public.thumbprint


def test_approvers_files_are_for_browsers_and_ceremony_files_are_not() -> None:
    passphrase = Passphrase.of("correct horse battery staple")
    person = read_key_file(seal_key(SigningKey.generate(), passphrase, use="approver", name="P"))
    root = read_key_file(seal_key(SigningKey.generate(), passphrase, use="root", name="R"))
    assert (person.derivation.name, person.derivation.iterations) == ("pbkdf2-hmac-sha256", 600_000)
    assert (root.derivation.name, root.derivation.memory_kib) == ("argon2id", 65536)


def test_two_files_of_one_key_share_neither_salt_nor_nonce() -> None:
    key, passphrase = KemPrivateKey.generate(), Passphrase.of("correct horse battery staple")
    first, second = (read_key_file(seal_key(key, passphrase, use="escrow", name="E")) for _ in range(2))
    assert first.derivation.salt != second.derivation.salt
    assert first.nonce != second.nonce
    assert first.sealed != second.sealed


def test_an_entry_names_its_key_by_its_thumbprint(scene: Scene) -> None:
    entry = authority_list.entry_for(scene.escrow.public, "escrow", not_before=NOW)
    assert (entry.kid, entry.suite) == (scene.escrow.public.thumbprint, "mlkem768x25519-shake256-aes256gcm")
