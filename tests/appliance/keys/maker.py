"""A manufacturer for tests of a real key process: signs bundles, enrolments, receipts, proofs and transfers.

Built on the documents of `sealing` alone, with the times of now, because the key process has a real clock.
"""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Sequence
from typing import Any

from sealing.backupkey import BackupKey
from sealing.claims import HeadRef, Party, Person, Source
from sealing.documents import (
    authority_list,
    device_record,
    drill,
    enrolment,
    possession,
    receipt,
    ticket,
    transfer,
    transfer_request,
    value,
)
from sealing.encoding import Thumbprint, b64u, thumbprint_of
from sealing.identity import make_unit_certificate
from sealing.jose import Signer
from sealing.trust import Trust
from tests.sealing.world import APPLIANCE, CUSTOMER, World

WEEK = 7 * 86400


class Maker(World):
    """One manufacturer; every unit it signs for is real."""

    def sign_device(self, request: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The bundle for a factory request; `changes` make a wrong one."""
        claims, csr, kem = possession.read(request["proof"])
        certificate = make_unit_certificate(self.device_key, self.device_authority, csr)
        record = device_record.DeviceRecord(
            serial=claims.serial,
            model=claims.model,
            certificate=thumbprint_of(certificate),
            kem_public_key=b64u(kem.raw),
            kem_thumbprint=kem.thumbprint,
            vault=claims.vault,
            iat=int(time.time()),
        )
        bundle = {
            "serial": claims.serial,
            "model": claims.model,
            "chain": [b64u(certificate), b64u(self.device_authority)],
            "root": b64u(self.root),
            "device_record": device_record.issue(record, self.device_signer),
            "authority_list": self.authorities,
        }
        return {**bundle, **changes}

    def enrol(
        self,
        status: Any,
        *,
        customer: Party = CUSTOMER,
        appliance: Party = APPLIANCE,
        signer: Signer | None = None,
        certificate: str = "",
    ) -> str:
        claims = enrolment.Enrolment(
            serial=status.serial,
            certificate=Thumbprint(certificate or status.certificate_thumbprint),
            customer=customer,
            appliance=appliance,
            iat=int(time.time()),
        )
        return enrolment.issue(claims, signer or self.desk_signer)

    def receive(self, text: str, *, signer: Signer | None = None, **changes: Any) -> str:
        """The desk's receipt for a value."""
        read = value.read(text, self.trust)
        claims = receipt.LodgingReceipt(
            id=str(uuid.uuid4()),
            lodged="value",
            document=read.digest,
            serial=read.serial,
            customer=read.customer,
            appliance=read.appliance,
            iat=int(time.time()),
        )
        return receipt.issue(dataclasses.replace(claims, **changes), signer or self.desk_signer)

    def open_value(self, text: str) -> BackupKey:
        """What custody's key brings back."""
        return value.open_value(value.read(text, self.trust), self.escrow, self.trust)

    def prove(self, request: str, *, key: BackupKey | None = None, signer: Signer | None = None) -> str:
        """Custody's answer to a drill, along the path of a recovery; with another `key`, a wrong one."""
        asked, read = drill.read_request(request, self.trust)
        opened = key or value.open_value(read, self.escrow, self.trust)
        return drill.issue_proof(
            asked, read, opened, iat=int(time.time()), signer=signer or self.custody_signer
        )

    def transfer(
        self,
        values: Sequence[str],
        request: str,
        record: str,
        *,
        ended: str = "failed",
        customer: Party = CUSTOMER,
        appliance: Party = APPLIANCE,
        exp: int | None = None,
        heads: Sequence[HeadRef] = (),
        signer: Signer | None = None,
    ) -> str:
        """Open the values and seal the keys to the unit whose request and device record these are."""
        now = int(time.time())
        asked = transfer_request.read(request, self.trust)
        read = [value.read(text, self.trust) for text in values]
        claims = ticket.Ticket(
            id=str(uuid.uuid4()),
            number="RMA-2026-0001",
            revision=1,
            attempt=1,
            kind="replacement",
            reason="Does not start",
            customer=customer,
            appliance=appliance,
            source=Source(
                serial=read[0].serial, certificate=read[0].unit.thumbprint, ended=ended, ended_at=now - 500
            ),
            values=tuple(
                ticket.TicketValue(
                    digest=v.digest, serial=v.serial, key_id=v.key_id, epoch=v.epoch, lodged_at=now - 900
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
            heads=tuple(heads),
            opened_by=Person(id="contact-1", name="Ada Contact"),
            edited_by=(Person(id="clerk-1", name="Claus Clerk"),),
            iat=now - 100,
            exp=now + WEEK,
        )
        return transfer.issue(
            ticket.read(ticket.issue(claims, self.desk_signer), self.trust),
            asked,
            device_record.read(record, self.trust).kem_key(),
            [(self.open_value(text), value.digest(text)) for text in values],
            iat=now - 10,
            exp=now + WEEK if exp is None else exp,
            signer=signer or self.custody_signer,
        )

    def use_list(self, text: str) -> None:
        """Put a newer authority list in force here."""
        self.authorities = text
        self.trust = Trust(self.root, text, [self.first_roster])


def list_entries(maker: Maker) -> tuple[authority_list.AuthorityEntry, ...]:
    return authority_list.read(maker.authorities, maker.trust.root).entries
