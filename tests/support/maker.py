"""A manufacturer and its units in memory: every key, so that tests can make any document, honest or hostile.

No Django here. The desk's tests import its public bundle; custody's tests hand it what a hostile desk would.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sealing.backupkey import BackupKey
from sealing.claims import HeadRef, Party, Person, Source
from sealing.documents import (
    approval,
    authority_list,
    device_record,
    drill,
    head,
    installation,
    receipt,
    report,
    roster,
    ticket,
    transfer,
    transfer_request,
    value,
    void,
    withdrawal,
)
from sealing.documents.roster import RosterPerson
from sealing.documents.ticket import Ticket
from sealing.ecdsa import SigningKey
from sealing.encoding import b64u, digest_of
from sealing.hpke import KemPrivateKey
from sealing.identity import (
    check_authority,
    check_root,
    make_device_authority,
    make_request,
    make_root,
    make_unit_certificate,
    read_request,
)
from sealing.jose import KeySigner
from sealing.trust import Trust

TOKEN = "a-token-for-tests"
REFUSED = {"outcome": "refused"}  # custody's one answer
Ask = Callable[..., dict[str, Any]]
PEOPLE = {
    "bea": ("approver",),
    "carl": ("approver",),
    "dora": ("approver",),
    "emil": ("custodian",),
}


def now() -> int:
    return int(time.time())


@dataclasses.dataclass(frozen=True)
class Owner:
    """A customer with one appliance."""

    name: str
    id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))
    appliance: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))


class Unit:
    """A unit as it left the factory; it signs whatever a test asks it to."""

    def __init__(self, maker: Maker, serial: str) -> None:
        self.maker, self.serial = maker, serial
        self.key, self.kem = SigningKey.generate(), KemPrivateKey.generate()
        asked = read_request(make_request(self.key, serial))
        der = make_unit_certificate(maker.device_key, maker.device, asked)
        self.chain = (der, maker.device)
        self.certificate = maker.trust.unit(self.chain)
        self.signer = KeySigner(self.key, kid=self.certificate.thumbprint, chain=self.chain)
        self.record = device_record.issue(
            device_record.DeviceRecord(
                serial=serial,
                model="M1",
                certificate=self.certificate.thumbprint,
                kem_public_key=b64u(self.kem.public.raw),
                kem_thumbprint=self.kem.public.thumbprint,
                vault="software",
                iat=now(),
            ),
            KeySigner(
                maker.device_key,
                kid=check_authority(maker.device, maker.trust.root).thumbprint,
                chain=(maker.device,),
            ),
        )

    def bundle(self) -> dict[str, Any]:
        return {
            "serial": self.serial,
            "model": "M1",
            "chain": [b64u(der) for der in self.chain],
            "root": b64u(self.maker.root),
            "device_record": self.record,
            "authority_list": self.maker.authority_list,
        }

    def value(self, owner: Owner, key: BackupKey, authority: str | None = None) -> str:
        return value.issue(
            key,
            authority=authority or self.maker.escrow.public.thumbprint,
            serial=self.serial,
            customer=owner.id,
            appliance=owner.appliance,
            iat=now(),
            trust=self.maker.trust,
            signer=self.signer,
        )

    def request(self) -> str:
        return transfer_request.issue(
            serial=self.serial, kem_thumbprint=self.kem.public.thumbprint, iat=now(), signer=self.signer
        )

    def drill(self, owner: Owner, text: str) -> str:
        return drill.issue_request(
            text,
            serial=self.serial,
            customer=owner.id,
            appliance=owner.appliance,
            purpose="manual",
            iat=now(),
            signer=self.signer,
        )

    def head(self, owner: Owner, target: str, sequence: int) -> str:
        claims = head.Head(
            serial=self.serial,
            customer=owner.id,
            appliance=owner.appliance,
            target=target,
            sequence=sequence,
            header=digest_of(f"{target} {sequence}".encode()),
            previous=None,
            iat=now(),
        )
        return head.issue(claims, self.signer)

    def install(self, text: str) -> str:
        return installation.issue(transfer.read(text, self.maker.trust), iat=now(), signer=self.signer)

    def report(self, owner: Owner, ticket_id: str, transfer_text: str) -> str:
        claims = report.RecoveryReport(
            serial=self.serial,
            customer=owner.id,
            appliance=owner.appliance,
            ticket=ticket_id,
            transfer=transfer.digest(transfer_text),
            restored=report.Restored(
                image=str(uuid.uuid4()), header=digest_of(b"h"), sequence=1, objects=3, size=99, chunks=7
            ),
            new=report.NewEpoch(key_id="0" * 32, epoch=2, values=(digest_of(b"v"),), drill=None),
            first_image=digest_of(b"i"),
            iat=now(),
        )
        return report.issue(claims, self.signer)


class Maker:
    """Every key of the manufacturer's side."""

    def __init__(self) -> None:
        self.root_key, self.device_key = SigningKey.generate(), SigningKey.generate()
        self.desk_key, self.custody_key = SigningKey.generate(), SigningKey.generate()
        self.escrow, self.unheld = KemPrivateKey.generate(), KemPrivateKey.generate()
        self.people = {name: SigningKey.generate() for name in PEOPLE}
        self.root = make_root(self.root_key, "Test root")
        self.device = make_device_authority(self.root_key, self.root, self.device_key.public, "Test factory")
        self.root_signer = KeySigner(self.root_key, kid=check_root(self.root).thumbprint)
        self.desk_signer, self.custody_signer = KeySigner(self.desk_key), KeySigner(self.custody_key)
        uses = (
            (self.escrow.public, "escrow"),
            (self.unheld.public, "escrow"),
            (self.desk_key.public, "front-desk"),
            (self.custody_key.public, "custody"),
            (self.device_key.public, "device-authority"),
        )
        entries = tuple(authority_list.entry_for(key, use, not_before=now() - 86_400) for key, use in uses)
        self.authority_list = authority_list.issue(
            authority_list.AuthorityList(version=1, iat=now(), entries=entries), self.root_signer
        )
        self.roster = roster.issue(
            roster.Roster(version=1, previous=None, iat=now(), people=self.roster_people()), self.root_signer
        )
        self.trust = Trust(self.root, self.authority_list, [self.roster])

    def roster_people(self) -> tuple[RosterPerson, ...]:
        return tuple(
            RosterPerson(
                id=name,
                name=name,
                roles=roles,
                key=b64u(self.people[name].public.raw),
                state="active",
                customer=None,
            )
            for name, roles in PEOPLE.items()
        )

    def public(self) -> dict[str, Any]:
        return {
            "root": b64u(self.root),
            "authority_list": self.authority_list,
            "rosters": [self.roster],
            "custody_token_digest": hashlib.sha256(TOKEN.encode()).hexdigest(),
        }

    def unit(self, serial: str) -> Unit:
        return Unit(self, serial)

    def receipt(self, owner: Owner, text: str, at: int | None = None) -> str:
        """A lodging receipt by the front desk's key, which a hostile desk has."""
        found = value.read(text, self.trust)
        claims = receipt.LodgingReceipt(
            id=str(uuid.uuid4()),
            lodged="value",
            document=found.digest,
            serial=found.serial,
            customer=owner.id,
            appliance=owner.appliance,
            iat=at or now(),
        )
        return receipt.issue(claims, self.desk_signer)

    def ticket(
        self,
        owner: Owner,
        dead: Unit,
        fresh: Unit,
        request: str,
        values: Sequence[str],
        *,
        receipts: Sequence[str] = (),
        heads: Sequence[str] = (),
        **changes: Any,
    ) -> Ticket:
        """The claims of a ticket document over these papers; `changes` replaces any of them."""
        asked = transfer_request.read(request, self.trust)
        lodged = {r.document: r.iat for r in (receipt.read(text, self.trust) for text in receipts)}
        read = [value.read(text, self.trust) for text in values]
        claims = ticket.Ticket(
            id=str(uuid.uuid4()),
            number="RMA-TEST",
            revision=1,
            attempt=1,
            kind="replacement",
            reason="it is dead",
            customer=Party(id=owner.id, name=owner.name),
            appliance=Party(id=owner.appliance, name="cloud"),
            source=Source(
                serial=dead.serial,
                certificate=dead.certificate.thumbprint,
                ended="failed",
                ended_at=now(),
            ),
            values=tuple(
                ticket.TicketValue(
                    digest=v.digest,
                    serial=v.serial,
                    key_id=v.key_id,
                    epoch=v.epoch,
                    lodged_at=lodged.get(v.digest),
                )
                for v in read
            ),
            target=ticket.TicketTarget(
                serial=fresh.serial,
                certificate=fresh.certificate.thumbprint,
                kem_thumbprint=fresh.kem.public.thumbprint,
                vault="software",
                request=asked.digest,
                nonce=asked.nonce,
            ),
            heads=tuple(self.head_reference(text) for text in heads),
            opened_by=Person(id="ada", name="ada"),
            edited_by=(Person(id="clerk", name="clerk"),),
            iat=now(),
            exp=now() + 86_400,
        )
        return dataclasses.replace(claims, **changes)

    def head_reference(self, text: str) -> HeadRef:
        return head.read(text, self.trust).reference()

    def sign_ticket(self, claims: Ticket) -> str:
        return ticket.issue(claims, self.desk_signer)

    def approve(self, document: str, person: str, *, signer: SigningKey | None = None) -> str:
        """An approval by one of PEOPLE; with another `signer` a forged one."""
        read = ticket.read(document, self.trust)
        key = signer or self.people[person]
        return approval.issue(read, person=person, iat=now(), signer=KeySigner(key))

    def recovery(
        self,
        owner: Owner,
        dead: Unit,
        fresh: Unit,
        values: Sequence[str],
        *,
        approvers: Sequence[str] = ("bea", "carl"),
        request: str | None = None,
        lodged: bool = True,
        heads: Sequence[str] = (),
        **changes: Any,
    ) -> dict[str, Any]:
        """Everything custody is sent for one recovery."""
        asked = request or fresh.request()
        receipts = [self.receipt(owner, text) for text in values] if lodged else []
        document = self.sign_ticket(
            self.ticket(owner, dead, fresh, asked, values, receipts=receipts, heads=heads, **changes)
        )
        return {
            "ticket": document,
            "approvals": [self.approve(document, person) for person in approvers],
            "request": asked,
            "device_record": fresh.record,
            "values": list(values),
            "receipts": receipts,
            "heads": list(heads),
        }

    def void(self, owner: Owner, ticket_id: str, attempt: int = 1) -> dict[str, Any]:
        notice = void.VoidNotice(
            ticket=ticket_id, attempt=attempt, customer=owner.id, reason="lost", iat=now()
        )
        return {"notice": void.issue(notice, self.desk_signer)}

    def withdrawal(self, unit: Unit, reason: str = "stolen") -> dict[str, Any]:
        claims = withdrawal.Withdrawal(
            serial=unit.serial, certificate=unit.certificate.thumbprint, reason=reason, iat=now()
        )
        return {"notice": withdrawal.issue(claims, self.desk_signer)}

    def next_roster(self, people: Sequence[RosterPerson], signer: str, after: str | None = None) -> str:
        before = roster.read_first(after or self.roster, self.trust.root)
        claims = roster.Roster(
            version=before.version + 1, previous=before.digest, iat=now(), people=tuple(people)
        )
        return roster.issue(claims, KeySigner(self.people[signer]))

    def transfer(self, documents: dict[str, Any]) -> str:
        """What an honest custody answers to a recovery's documents."""
        read = ticket.read(documents["ticket"], self.trust)
        asked = transfer_request.read(documents["request"], self.trust)
        kem = device_record.read(documents["device_record"], self.trust).kem_key()
        values = [value.read(text, self.trust) for text in documents["values"]]
        keys = [(value.open_value(v, self.escrow, self.trust), v.digest) for v in values]
        return transfer.issue(
            read, asked, kem, keys, iat=now(), exp=now() + 86_400, signer=self.custody_signer
        )

    def proof(self, request: str) -> str:
        """What an honest custody answers to a drill."""
        asked, found = drill.read_request(request, self.trust)
        key = value.open_value(found, self.escrow, self.trust)
        return drill.issue_proof(asked, found, key, iat=now(), signer=self.custody_signer)


class Loss:
    """A customer whose unit died, with a value and a replacement that waits."""

    def __init__(self, maker: Maker, name: str) -> None:
        self.maker, self.owner = maker, Owner(name)
        self.old, self.new = maker.unit(f"{name}-1"), maker.unit(f"{name}-2")
        self.key = BackupKey.generate(1)
        self.value = self.old.value(self.owner, self.key)

    def recovery(self, **changes: Any) -> dict[str, Any]:
        values = changes.pop("values", [self.value])
        target: Unit = changes.pop("target", self.new)
        return self.maker.recovery(self.owner, self.old, target, values, **changes)

    def opened(self, text: str, documents: dict[str, Any]) -> tuple[BackupKey, ...]:
        """What the replacement makes of a transfer."""
        read = transfer.read(text, self.maker.trust)
        asked = transfer_request.read(documents["request"], self.maker.trust)
        return transfer.open_transfer(read, asked, self.new.kem, now=read.iat)
