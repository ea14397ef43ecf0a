"""Faults of tickets, approvals, rosters, authority lists, factory requests and key files."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from sealing.documents import roster, ticket, value
from sealing.ecdsa import SigningKey
from sealing.encoding import b64u, from_b64u, thumbprint_of
from sealing.hpke import KemPrivateKey
from sealing.identity import check_root, make_request, make_root
from sealing.jose import KeySigner, write
from sealing.labels import TYP_KEY_FILE
from sealing.passphrase import Passphrase, seal_key
from tests.sealing.world import CUSTOMER, NOW, Human
from tests.vectors import forge
from tests.vectors.forge import Collector, canonical
from tests.vectors.scene import PASSPHRASE, Scene


def add_all(to: Collector, scene: Scene) -> None:
    """Every vector of this module."""
    add_ticket(to, scene)
    add_approvals(to, scene)
    add_roster(to, scene)
    add_authority_list(to, scene)
    add_factory(to, scene)
    add_key_file(to, scene)


def add_ticket(to: Collector, scene: Scene) -> None:
    def changed(name: str, fault: str, expect: str, /, **claims: Any) -> None:
        text = forge.with_claims(scene.ticket, scene.desk_signer, **claims)
        to.add(name, fault, "live ticket", expect, text=text)

    values = forge.claims_of(scene.ticket)["values"]
    to.add(
        "ticket-expired",
        "at its last second",
        "live ticket",
        "binding.expired",
        text=scene.ticket,
        now=NOW + 7 * 86400,
    )
    changed("ticket-that-never-lived", "expires as it is made", "binding.expired", exp=NOW)
    changed(
        "ticket-with-a-value-twice", "a value stands twice", "binding.values", values=[values[0], values[0]]
    )
    changed("ticket-without-values", "nothing to open", "encoding.member", values=[])
    changed(
        "ticket-with-hidden-direction",
        "U+202E turns the text round",
        "encoding.member",
        reason="lost \u202etfeht yb",
    )
    changed(
        "ticket-with-line-break",
        "a line that render would not have",
        "encoding.member",
        reason="lost\nCustomer: other",
    )
    changed(
        "ticket-with-zero-width",
        "U+200B in a name",
        "encoding.member",
        customer={**CUSTOMER.to_json(), "name": "Har\u200bbour"},
    )
    changed("ticket-not-normalised", "e and a combining accent", "encoding.member", reason="cafe\u0301")
    changed("ticket-of-unknown-kind", "a kind that nobody defined", "encoding.member", kind="gift")
    by_custody = forge.with_header(scene.ticket, scene.custody_signer, kid=scene.custody_signer.kid)
    to.add("ticket-by-custody", "a key of another use", "live ticket", "chain.unknown-key", text=by_custody)


def _approval(scene: Scene, human: Human, **claims: Any) -> str:
    document = ticket.read(scene.ticket, scene.trust)
    says = {
        "ticket": document.id,
        "attempt": document.attempt,
        "document": document.digest,
        "person": human.id,
        "iat": NOW + 10,
        **claims,
    }
    header = {"alg": "ES384", "kid": human.signer.kid, "typ": "strongroom-approval+jws;v=1"}
    return forge.signed(canonical(header), canonical(says), human.signer)


def add_approvals(to: Collector, scene: Scene) -> None:
    a, b, c, customers = scene.people

    def refused(name: str, fault: str, expect: str, text: str, **given: Any) -> None:
        to.add(name, fault, "read approval", expect, text=text, **given)

    stranger = Human("person-1", "Person 1", SigningKey.generate())
    refused(
        "approval-by-a-stranger",
        "a key that the roster does not have",
        "chain.not-on-roster",
        _approval(scene, stranger),
    )
    refused(
        "approval-in-another-name",
        "the right person named, another's key",
        "binding.person",
        _approval(scene, b, person=a.id),
    )
    refused(
        "approval-of-another-ticket",
        "another id",
        "binding.ticket",
        _approval(scene, a, ticket="77777777-7777-4777-8777-777777777777"),
    )
    refused(
        "approval-of-another-attempt", "before the reissue", "binding.ticket", _approval(scene, a, attempt=2)
    )
    edited = forge.with_claims(scene.ticket, scene.desk_signer, reason="Something else")
    refused(
        "approval-of-an-edited-ticket", "edited since", "binding.document", _approval(scene, a), ticket=edited
    )
    refused(
        "approval-by-the-customers-own",
        "the person belongs to the customer",
        "binding.own-customer",
        _approval(scene, customers),
    )
    same: dict[str, Any] = {"id": a.id, "name": a.name}
    acts: list[tuple[str, str, dict[str, Any]]] = [
        ("approval-by-the-opener", "the person opened it", {"opened_by": same}),
        ("approval-by-an-editor", "the person edited it", {"edited_by": [same]}),
    ]
    for name, fault, claims in acts:
        own = forge.with_claims(scene.ticket, scene.desk_signer, **claims)
        approved = scene_approval(scene, own, a)
        refused(name, fault, "binding.own-act", approved, ticket=own)
    people = (
        a.on_roster("approver", state="suspended"),
        b.on_roster("approver"),
        c.on_roster("approver", "custodian"),
    )
    suspended = _next_roster(scene, people, c)
    rosters = [scene.first_roster, suspended]
    refused(
        "approval-by-a-suspended-person",
        "suspended in roster 2",
        "chain.not-on-roster",
        _approval(scene, a),
        rosters=rosters,
    )
    people = (a.on_roster("custodian"), b.on_roster("approver"), c.on_roster("approver", "custodian"))
    rosters = [scene.first_roster, _next_roster(scene, people, c)]
    refused(
        "approval-by-a-custodian-only",
        "who may not approve",
        "chain.not-approver",
        _approval(scene, a),
        rosters=rosters,
    )
    swapped = forge.replace_part(_approval(scene, a), 2, _approval(scene, b).split(".")[2])
    refused(
        "approval-with-anothers-signature",
        "the signature of another approval",
        "signature.does-not-fit",
        swapped,
    )
    first = _approval(scene, a)
    rounds = [
        ("round-of-one", "one approval", "binding.too-few", [first], scene.ticket),
        (
            "round-of-one-person-twice",
            "one person, two texts",
            "binding.same-person",
            [first, _approval(scene, a, iat=NOW + 11)],
            scene.ticket,
        ),
    ]
    loose = [{**v, "lodged_at": None} for v in forge.claims_of(scene.ticket)["values"]]
    unlodged = forge.with_claims(scene.ticket, scene.desk_signer, values=loose)
    two = [scene_approval(scene, unlodged, human) for human in (a, b)]
    rounds.append(("round-of-two-for-unlodged-values", "a third is needed", "binding.too-few", two, unlodged))
    for name, fault, expect, approvals, document in rounds:
        to.add(name, fault, "approval round", expect, approvals=approvals, ticket=document)


def scene_approval(scene: Scene, text: str, human: Human) -> str:
    """An approval of that ticket text."""
    return scene.approve(text, human)


def _next_roster(scene: Scene, people: tuple[roster.RosterPerson, ...], by: Human, **changes: Any) -> str:
    first = roster.digest(scene.first_roster)
    claims = roster.Roster(version=2, previous=first, iat=NOW + 1, people=people)
    return write(roster.FORM, dataclasses.replace(claims, **changes).to_json(), by.signer)


def add_roster(to: Collector, scene: Scene) -> None:
    a, b, c, d = scene.people
    people = roster.read_first(scene.first_roster, check_root(scene.root)).people
    newcomer = Human("person-9", "Person 9", SigningKey.generate())

    def refused(name: str, fault: str, expect: str, text: str, **given: Any) -> None:
        to.add(name, fault, "take roster", expect, text=text, **given)

    refused(
        "roster-extended-by-an-approver",
        "only custodians add",
        "chain.not-custodian",
        _next_roster(scene, (*people, newcomer.on_roster("approver")), a),
    )
    raised = (dataclasses.replace(people[0], roles=("approver", "custodian")), *people[1:])
    refused(
        "roster-with-own-promotion",
        "an approver makes himself custodian",
        "chain.not-custodian",
        _next_roster(scene, raised, a),
    )
    refused(
        "roster-without-a-person",
        "an approver removes another",
        "chain.not-custodian",
        _next_roster(scene, people[1:], a),
    )
    refused(
        "roster-skipping-a-version", "3 after 1", "binding.version", _next_roster(scene, people, c, version=3)
    )
    refused(
        "roster-of-the-same-version",
        "1 after 1",
        "binding.version",
        _next_roster(scene, people, c, version=1, previous=None),
    )
    refused(
        "roster-after-another",
        "names another predecessor",
        "binding.version",
        _next_roster(scene, people, c, previous=value.digest(scene.value)),
    )
    refused(
        "roster-by-a-stranger",
        "signed by nobody on it",
        "chain.not-on-roster",
        _next_roster(scene, people, newcomer),
    )
    refused(
        "roster-by-custodys-key",
        "custody cannot make people",
        "chain.not-on-roster",
        write(
            roster.FORM,
            roster.Roster(
                version=2, previous=roster.digest(scene.first_roster), iat=NOW, people=people
            ).to_json(),
            scene.custody_signer,
        ),
    )
    stolen = dataclasses.replace(people[1], key=people[0].key)
    refused(
        "roster-with-a-shared-key",
        "two persons, one key",
        "chain.roster",
        _next_roster(scene, (people[0], stolen, *people[2:]), c),
    )
    double = dataclasses.replace(newcomer.on_roster("approver"), id=a.id)
    refused(
        "roster-with-a-person-twice",
        "two keys, one person",
        "chain.roster",
        _next_roster(scene, (*people, double), c),
    )
    nobody = tuple(dataclasses.replace(p, roles=("approver",)) for p in people)
    refused(
        "roster-without-custodian", "nobody could keep it", "chain.roster", _next_roster(scene, nobody, c)
    )
    off = b64u(b"\x04" + bytes(96))
    pointless = dataclasses.replace(people[0], key=off)
    refused(
        "roster-with-a-point-off-the-curve",
        "no key at all",
        "chain.signing-key",
        _next_roster(scene, (pointless, *people[1:]), c),
    )
    first = roster.Roster(version=1, previous=None, iat=NOW, people=people)
    by_custody = write(roster.FORM, first.to_json(), scene.custody_signer)
    refused("first-roster-by-custody", "the root signs the first", "chain.kid", by_custody, rosters=[])
    second = write(roster.FORM, dataclasses.replace(first, version=2).to_json(), scene.root_signer)
    refused("first-roster-of-version-two", "signed by the root", "binding.version", second, rosters=[])
    assert b.id != d.id


def add_authority_list(to: Collector, scene: Scene) -> None:
    good = scene.authorities
    entries = forge.claims_of(good)["entries"]

    def taken(name: str, fault: str, expect: str, text: str, **given: Any) -> None:
        to.add(name, fault, "take authority list", expect, text=text, **given)

    def changed(name: str, fault: str, expect: str, /, **claims: Any) -> None:
        taken(name, fault, expect, forge.with_claims(good, scene.root_signer, **claims))

    newer = forge.with_claims(good, scene.root_signer, version=2)
    taken("list-rolled-back", "version 1 after 2", "binding.version", good, authority_list=newer)
    taken(
        "list-of-the-same-version",
        "another list 1",
        "binding.version",
        forge.with_claims(good, scene.root_signer, iat=NOW + 1),
    )
    other = SigningKey.generate()
    other_root = make_root(other, "Test root")
    by_other = forge.with_header(newer, KeySigner(other), kid=thumbprint_of(other_root))
    taken("list-under-another-root", "the pinned root is another", "chain.kid", by_other)
    taken(
        "list-signed-by-a-stranger",
        "named for the root",
        "signature.does-not-fit",
        forge.with_header(newer, KeySigner(other)),
    )
    taken(
        "list-signed-by-device-authority",
        "the root signs lists",
        "chain.kid",
        forge.with_header(newer, scene.device_signer, kid=scene.device_signer.kid),
    )
    changed(
        "list-with-a-key-twice",
        "an entry stands twice",
        "chain.authority-key",
        entries=[*entries, entries[0]],
    )
    renamed = [{**entries[0], "kid": entries[1]["kid"]}, *entries[2:]]
    changed("list-with-a-key-renamed", "a key under another's name", "chain.authority-key", entries=renamed)
    index = next(i for i, e in enumerate(entries) if e["suite"].startswith("mlkem"))
    wrong = [dict(e) for e in entries]
    wrong[index]["use"] = "custody"
    changed(
        "list-with-a-sealing-key-that-signs", "custody with a KEM key", "chain.authority-key", entries=wrong
    )
    downgraded = [dict(e) for e in entries]
    downgraded[index]["suite"] = "rsa-oaep-sha256"
    changed("list-with-a-suite-exchanged", "a hybrid key as RSA", "chain.rsa-key", entries=downgraded)
    low = from_b64u(entries[index]["key"])[:1184] + bytes(32)
    weak = [dict(e) for e in entries]
    weak[index].update(key=b64u(low), kid=thumbprint_of(low))
    changed("list-with-a-low-order-key", "half of the hybrid void", "chain.kem-key", entries=weak)
    changed("list-of-version-zero", "versions begin at 1", "encoding.member", version=0)


def add_factory(to: Collector, scene: Scene) -> None:
    signer = KeySigner(scene.source.signing)
    text = scene.possession

    def refused(name: str, fault: str, expect: str, changed: str) -> None:
        to.add(name, fault, "read possession", expect, text=changed)

    serial = forge.with_claims(text, signer, serial="78-D0413")
    refused("possession-of-another-serial", "the request asks for another", "binding.serial", serial)
    request = make_request(scene.target.signing, scene.source.serial)
    foreign = forge.with_claims(text, signer, request=b64u(request))
    refused("possession-of-another-key", "the request is another key's", "signature.does-not-fit", foreign)
    broken = forge.with_claims(
        text, signer, request=b64u(forge.flipped(make_request(scene.source.signing, scene.source.serial)))
    )
    refused("possession-not-shown", "the request's own signature is damaged", "chain.possession", broken)
    low = forge.with_claims(text, signer, kem_public_key=b64u(scene.source.kem.public.raw[:1184] + bytes(32)))
    refused("possession-of-a-low-order-key", "half of the hybrid void", "chain.kem-key", low)
    garbage = forge.with_claims(text, signer, request=b64u(bytes(80)))
    refused("possession-of-nothing", "no certification request", "chain.request", garbage)
    to.add(
        "certification-request-garbage",
        "no DER",
        "read certification request",
        "chain.request",
        text=b64u(b"hello"),
    )


def add_key_file(to: Collector, scene: Scene) -> None:
    text = scene.key_file
    escrow = seal_key(KemPrivateKey.generate(), Passphrase.of(PASSPHRASE), use="escrow", name="Escrow")
    file = json.loads(text)

    def opened(
        name: str, fault: str, expect: str, text: str, passphrase: str = PASSPHRASE, use: str = "approver"
    ) -> None:
        to.add(name, fault, "open key file", expect, text=text, passphrase=passphrase, use=use)

    def changed(name: str, fault: str, expect: str, /, **members: Any) -> None:
        members = {k: v for k, v in {**file, **members}.items() if v is not ...}
        opened(name, fault, expect, canonical(members).decode())

    opened("key-file-wrong-passphrase", "one letter", "seal.does-not-open", text, PASSPHRASE + "s")
    opened(
        "key-file-of-ceremony-wrong-passphrase",
        "one letter",
        "seal.does-not-open",
        escrow,
        PASSPHRASE + "s",
        "escrow",
    )
    opened("key-file-for-another-use", "a person's key as custody's", "header.use", text, use="custody")
    changed("key-file-relabelled", "the use exchanged in the file", "header.use", use="custody")
    changed("key-file-renamed", "another name, which is bound", "seal.does-not-open", name="Person 2")
    other = scene.people[1].key.public
    changed(
        "key-file-with-anothers-public-half",
        "bound and compared",
        "seal.does-not-open",
        public=b64u(other.raw),
        kid=other.thumbprint,
    )
    changed(
        "key-file-with-kid-of-another", "public half and kid differ", "encoding.member", kid=other.thumbprint
    )
    changed(
        "key-file-too-cheap",
        "1,000 rounds",
        "header.derivation",
        derivation={**file["derivation"], "iterations": 1000},
    )
    changed(
        "key-file-too-dear",
        "a thousand million rounds",
        "encoding.member",
        derivation={**file["derivation"], "iterations": 10**9},
    )
    changed(
        "key-file-of-unknown-derivation",
        "md5",
        "encoding.member",
        derivation={**file["derivation"], "name": "md5"},
    )
    changed("key-file-of-unknown-type", "no typ", "header.type", typ=...)
    changed("key-file-of-next-version", "version 2", "header.type", typ=TYP_KEY_FILE.replace("v=1", "v=2"))
    opened("key-file-prettily-printed", "indented", "encoding.json-not-canonical", json.dumps(file, indent=1))
