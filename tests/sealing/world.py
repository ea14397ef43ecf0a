"""A small world for tests: one manufacturer, two units, one ticket.

Every key is fresh unless seeded by a caller.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property

from sealing.backupkey import BackupKey
from sealing.claims import Party, Person, Source
from sealing.documents import (
    approval,
    authority_list,
    device_record,
    roster,
    ticket,
    transfer,
    transfer_request,
    value,
)
from sealing.ecdsa import SigningKey, VerifyKey
from sealing.encoding import Thumbprint, b64u, thumbprint_of
from sealing.hpke import KemPrivateKey, KemPublicKey
from sealing.identity import (
    check_root,
    make_device_authority,
    make_request,
    make_root,
    make_unit_certificate,
    read_request,
)
from sealing.jose import KeySigner
from sealing.oaep import OaepPrivateKey
from sealing.trust import Trust

NOW = 1_790_000_000
CUSTOMER = Party(id="11111111-1111-4111-8111-111111111111", name="Harbour Authority")
APPLIANCE = Party(id="22222222-2222-4222-8222-222222222222", name="Harbour cloud")
TICKET_ID = "33333333-3333-4333-8333-333333333333"
TARGET_ID = "44444444-4444-4444-8444-444444444444"


@dataclasses.dataclass
class UnitKeys:
    """A unit's identity and device key."""

    serial: str
    signing: SigningKey
    kem: KemPrivateKey
    signer: KeySigner
    record: str


@dataclasses.dataclass
class Human:
    """A person with a key."""

    id: str
    name: str
    key: SigningKey

    @property
    def signer(self) -> KeySigner:
        return KeySigner(self.key)

    def on_roster(
        self, *roles: str, state: str = "active", customer: str | None = None
    ) -> roster.RosterPerson:
        return roster.RosterPerson(
            id=self.id,
            name=self.name,
            roles=roles,
            key=b64u(self.key.public.raw),
            state=state,
            customer=customer,
        )


class World:
    """Everything that a document needs to be made and read."""

    def __init__(self) -> None:
        self.root_key = SigningKey.generate()
        self.root = make_root(self.root_key, "Test root")
        self.root_signer = KeySigner(self.root_key, kid=check_root(self.root).thumbprint)
        self.device_key = SigningKey.generate()
        self.device_authority = make_device_authority(
            self.root_key, self.root, self.device_key.public, "Test device authority"
        )
        self.device_signer = KeySigner(
            self.device_key,
            kid=thumbprint_of(self.device_authority),
            chain=(self.device_authority,),
        )
        self.desk_signer = KeySigner(SigningKey.generate())
        self.custody_signer = KeySigner(SigningKey.generate())
        self.escrow = KemPrivateKey.generate()
        self.people = [Human(f"person-{i}", f"Person {i}", SigningKey.generate()) for i in range(1, 5)]
        self.authorities = self.make_authorities()
        self.trust = Trust(self.root, self.authorities, [self.first_roster])
        self.source = self.make_unit("78-D0412")
        self.target = self.make_unit("78-E0100")

    @cached_property
    def oaep(self) -> OaepPrivateKey:
        return OaepPrivateKey.generate()

    def entries(self, **states: str) -> tuple[authority_list.AuthorityEntry, ...]:
        keys: dict[str, VerifyKey | KemPublicKey] = {
            "device-authority": self.device_key.public,
            "front-desk": self.desk_signer._key.public,
            "custody": self.custody_signer._key.public,
            "escrow": self.escrow.public,
        }
        return tuple(
            authority_list.entry_for(
                key, use, not_before=NOW - 1000, state=states.get(use.replace("-", "_"), "active")
            )
            for use, key in keys.items()
        )

    def make_authorities(
        self,
        version: int = 1,
        extra: tuple[authority_list.AuthorityEntry, ...] = (),
        **states: str,
    ) -> str:
        return self.list_of(self.entries(**states) + extra, version)

    def list_of(self, entries: tuple[authority_list.AuthorityEntry, ...], version: int = 1) -> str:
        claims = authority_list.AuthorityList(version=version, iat=NOW, entries=entries)
        return authority_list.issue(claims, self.root_signer)

    @cached_property
    def first_roster(self) -> str:
        a, b, c, d = self.people
        people = (
            a.on_roster("approver"),
            b.on_roster("approver"),
            c.on_roster("approver", "custodian"),
            d.on_roster("approver", customer=CUSTOMER.id),
        )
        return roster.issue(roster.Roster(version=1, previous=None, iat=NOW, people=people), self.root_signer)

    def make_unit(self, serial: str, kem: KemPrivateKey | None = None) -> UnitKeys:
        signing, kem = SigningKey.generate(), kem or KemPrivateKey.generate()
        request = read_request(make_request(signing, serial))
        certificate = make_unit_certificate(self.device_key, self.device_authority, request)
        thumbprint = thumbprint_of(certificate)
        record = device_record.issue(
            device_record.DeviceRecord(
                serial=serial,
                model="Model 1",
                certificate=thumbprint,
                kem_public_key=b64u(kem.public.raw),
                kem_thumbprint=kem.public.thumbprint,
                vault="software",
                iat=NOW,
            ),
            self.device_signer,
        )
        signer = KeySigner(signing, kid=thumbprint, chain=(certificate, self.device_authority))
        return UnitKeys(serial, signing, kem, signer, record)

    # --- documents of the journey ------------------------------------------------------------------------

    def make_value(self, key: BackupKey, *, trust: Trust | None = None, authority: str | None = None) -> str:
        return value.issue(
            key,
            authority=authority or self.escrow.public.thumbprint,
            serial=self.source.serial,
            customer=CUSTOMER.id,
            appliance=APPLIANCE.id,
            iat=NOW,
            trust=trust or self.trust,
            signer=self.source.signer,
        )

    def make_request(self) -> str:
        return transfer_request.issue(
            serial=self.target.serial,
            kem_thumbprint=self.target.kem.public.thumbprint,
            iat=NOW,
            signer=self.target.signer,
        )

    def ticket_claims(self, values: list[str], request: str) -> ticket.Ticket:
        asked = transfer_request.read(request, self.trust)
        read = [value.read(text, self.trust) for text in values]
        return ticket.Ticket(
            id=TICKET_ID,
            number="RMA-2026-0001",
            revision=1,
            attempt=1,
            kind="replacement",
            reason="Does not start",
            customer=CUSTOMER,
            appliance=APPLIANCE,
            source=Source(
                serial=self.source.serial,
                certificate=Thumbprint(self.source.signer.kid),
                ended="failed",
                ended_at=NOW - 500,
            ),
            values=tuple(
                ticket.TicketValue(
                    digest=v.digest, serial=v.serial, key_id=v.key_id, epoch=v.epoch, lodged_at=NOW - 900
                )
                for v in read
            ),
            target=ticket.TicketTarget(
                serial=asked.serial,
                certificate=asked.unit.thumbprint,
                kem_thumbprint=asked.kem_thumbprint,
                vault="software",
                request=asked.digest,
                nonce=asked.nonce,
            ),
            heads=(),
            opened_by=Person(id="contact-1", name="Ada Contact"),
            edited_by=(Person(id="clerk-1", name="Claus Clerk"),),
            iat=NOW,
            exp=NOW + 7 * 86400,
        )

    def make_ticket(self, values: list[str], request: str) -> str:
        return ticket.issue(self.ticket_claims(values, request), self.desk_signer)

    def approve(self, text: str, human: Human) -> str:
        return approval.issue(
            ticket.read(text, self.trust), person=human.id, iat=NOW + 10, signer=human.signer
        )

    def make_transfer(self, keys: list[BackupKey], values: list[str], request: str) -> str:
        return transfer.issue(
            ticket.read(self.make_ticket(values, request), self.trust),
            transfer_request.read(request, self.trust),
            device_record.read(self.target.record, self.trust).kem_key(),
            [(key, value.digest(text)) for key, text in zip(keys, values, strict=True)],
            iat=NOW + 100,
            exp=NOW + 100 + 14 * 86400,
            signer=self.custody_signer,
        )
