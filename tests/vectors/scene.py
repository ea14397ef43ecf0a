"""The good documents that the vectors are one fault away from, and the world they are read in."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sealing.backupkey import BackupKey
from sealing.documents import (
    authority_list,
    device_record,
    drill,
    enrolment,
    head,
    installation,
    possession,
    receipt,
    report,
    ticket,
    transfer,
    transfer_request,
    value,
)
from sealing.encoding import b64u
from sealing.identity import make_request
from sealing.jose import KeySigner
from sealing.passphrase import Passphrase, seal_key
from sealing.secret import DataKey, IdKey
from sealing.trust import Trust
from tests.sealing.world import APPLIANCE, CUSTOMER, NOW, TARGET_ID, TICKET_ID, World

LATER = NOW + 1000  # when things are opened
OTHER_CUSTOMER = "99999999-9999-4999-8999-999999999999"
DATA_KEY_ID = "d" * 32
PASSPHRASE = "a passphrase for vectors"


class Scene(World):
    """The world with a journey's documents in it."""

    def __init__(self) -> None:
        super().__init__()
        extra = (authority_list.entry_for(self.oaep.public, "escrow", not_before=NOW),)
        self.authorities = self.make_authorities(extra=extra)
        self.trust = Trust(self.root, self.authorities, [self.first_roster])
        self.key = BackupKey.generate(3)
        self.hybrid_key = BackupKey.generate(4, "hybrid")
        self.value = self.make_value(self.key)
        self.hybrid_value = self.make_value(self.hybrid_key)
        self.oaep_value = self.make_value(self.key, authority=self.oaep.public.thumbprint)
        self.request = self.make_request()
        self.ticket = self.make_ticket([self.value, self.hybrid_value], self.request)
        self.transfer = self.make_transfer(
            [self.key, self.hybrid_key], [self.value, self.hybrid_value], self.request
        )
        self.drill_request = drill.issue_request(
            self.value,
            serial=self.source.serial,
            customer=CUSTOMER.id,
            appliance=APPLIANCE.id,
            purpose="activation",
            iat=NOW,
            signer=self.source.signer,
        )
        asked, read = drill.read_request(self.drill_request, self.trust)
        self.drill_proof = drill.issue_proof(asked, read, self.key, iat=NOW + 5, signer=self.custody_signer)
        self.approvals = [self.approve(self.ticket, human) for human in self.people[:2]]
        self.installation = installation.issue(
            transfer.read(self.transfer, self.trust), iat=LATER, signer=self.target.signer
        )

    @cached_property
    def receipt(self) -> str:
        return receipt.issue(
            receipt.LodgingReceipt(
                id="55555555-5555-4555-8555-555555555555",
                lodged="value",
                document=value.digest(self.value),
                serial=self.source.serial,
                customer=CUSTOMER.id,
                appliance=APPLIANCE.id,
                iat=NOW + 2,
            ),
            self.desk_signer,
        )

    @cached_property
    def head(self) -> str:
        return head.issue(
            head.Head(
                serial=self.source.serial,
                customer=CUSTOMER.id,
                appliance=APPLIANCE.id,
                target=TARGET_ID,
                sequence=17,
                header=value.digest(self.value),
                previous=None,
                iat=NOW,
            ),
            self.source.signer,
        )

    @cached_property
    def report(self) -> str:
        image = report.Restored(
            image="66666666-6666-4666-8666-666666666666",
            header=value.digest(self.value),
            sequence=17,
            objects=12,
            size=1_234_567_890,
            chunks=9876,
        )
        new = report.NewEpoch(
            key_id=self.hybrid_key.key_id,
            epoch=4,
            values=(value.digest(self.hybrid_value),),
            drill=drill.digest(self.drill_proof),
        )
        claims = report.RecoveryReport(
            serial=self.target.serial,
            customer=CUSTOMER.id,
            appliance=APPLIANCE.id,
            ticket=TICKET_ID,
            transfer=transfer.digest(self.transfer),
            restored=image,
            new=new,
            first_image=value.digest(self.hybrid_value),
            iat=LATER,
        )
        return report.issue(claims, self.target.signer)

    @cached_property
    def enrolment(self) -> str:
        claims = enrolment.Enrolment(
            serial=self.source.serial,
            certificate=value.read(self.value, self.trust).unit.thumbprint,
            customer=CUSTOMER,
            appliance=APPLIANCE,
            iat=NOW,
        )
        return enrolment.issue(claims, self.desk_signer)

    @cached_property
    def possession(self) -> str:
        return possession.issue(
            serial=self.source.serial,
            model="Model 1",
            request=make_request(self.source.signing, self.source.serial),
            kem=self.source.kem.public,
            vault="software",
            iat=NOW,
            signer=KeySigner(self.source.signing),
        )

    @cached_property
    def data_key(self) -> DataKey:
        return DataKey.generate()

    @cached_property
    def key_file(self) -> str:
        human = self.people[0]
        return seal_key(human.key, Passphrase.of(PASSPHRASE), use="approver", name=human.name)

    @cached_property
    def wrapped(self) -> str:
        return self.key.wrap_data_key(DATA_KEY_ID, self.data_key)

    @cached_property
    def hybrid_wrapped(self) -> str:
        return self.hybrid_key.wrap_data_key(DATA_KEY_ID, self.data_key)

    def make_id_key(self) -> IdKey:
        return IdKey.generate()

    @property
    def ticket_read(self) -> ticket.Ticket:
        return ticket.read(self.ticket, self.trust)

    @property
    def request_read(self) -> transfer_request.TransferRequest:
        return transfer_request.read(self.request, self.trust)

    @property
    def target_kem(self) -> Any:
        return device_record.read(self.target.record, self.trust).kem_key()

    def world(self) -> dict[str, Any]:
        """The inputs that a vector takes unless it gives its own.

        Test keys, made for this and nothing else.
        """
        return {
            "root": b64u(self.root),
            "authority_list": self.authorities,
            "rosters": [self.first_roster],
            "customer": CUSTOMER.id,
            "appliance": APPLIANCE.id,
            "now": LATER,
            "escrow_seed": b64u(self.escrow.seed().reveal()),
            "oaep_key": b64u(self.oaep.to_secret().reveal()),
            "target_seed": b64u(self.target.kem.seed().reveal()),
            "key": _key(self.key),
            "hybrid_key": _key(self.hybrid_key),
            "data_key_id": DATA_KEY_ID,
            "data_key": b64u(self.data_key.reveal()),
            "unit_chain": [b64u(der) for der in self.source.signer.chain],
            "value": self.value,
            "transfer_request": self.request,
            "device_record": self.target.record,
            "ticket": self.ticket,
            "transfer": self.transfer,
            "drill_request": self.drill_request,
        }

    def good(self) -> list[dict[str, Any]]:
        """What must be accepted, so that a reader that refuses everything fails too."""
        by_name = {
            "value": ("open value", self.value),
            "value of a hybrid key": ("open value", self.hybrid_value),
            "value in the RSA suite": ("open value by RSA-OAEP", self.oaep_value),
            "owner of a value": ("owner of value", self.value),
            "lodging receipt": ("receipt for value", self.receipt),
            "drill request": ("read drill request", self.drill_request),
            "drill proof": ("check drill", self.drill_proof),
            "transfer request": ("device of request", self.request),
            "device record": ("read device record", self.target.record),
            "ticket": ("live ticket", self.ticket),
            "approval": ("read approval", self.approvals[0]),
            "transfer": ("open transfer", self.transfer),
            "installation receipt": ("installation of transfer", self.installation),
            "recovery report": ("read report", self.report),
            "repository head": ("read head", self.head),
            "enrolment": ("enrol", self.enrolment),
            "possession": ("read possession", self.possession),
            "authority list": ("take authority list", self.authorities),
            "wrapped data key": ("unwrap data key", self.wrapped),
        }
        vectors = [{"name": n, "do": do, "given": {"text": t}} for n, (do, t) in by_name.items()]
        hybrid = {"text": self.hybrid_wrapped, "key": _key(self.hybrid_key)}
        file = {"text": self.key_file, "passphrase": PASSPHRASE, "use": "approver"}
        vectors += [
            {"name": "key file", "do": "open key file", "given": file},
            {"name": "a round of approvals", "do": "approval round", "given": {"approvals": self.approvals}},
            {
                "name": "first roster",
                "do": "take roster",
                "given": {"text": self.first_roster, "rosters": []},
            },
            {"name": "data key wrapped to a pair", "do": "unwrap data key", "given": hybrid},
        ]
        return vectors


def _key(key: BackupKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "epoch": key.epoch,
        "kind": key.kind,
        "commitment": key.commitment,
        "secret": b64u(key.secret.reveal()),
    }
