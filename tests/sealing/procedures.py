"""What a vector asks a reader to do: one function each, from the vector's inputs over the world's.

Used by the vectors, by the flipped bits and by the second reader, so that all of them mean the same by
"read".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sealing.backupkey import BackupKey
from sealing.documents import (
    approval,
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
from sealing.encoding import from_b64u
from sealing.hpke import KemPrivateKey
from sealing.identity import read_request
from sealing.oaep import OaepPrivateKey
from sealing.passphrase import Passphrase, open_key
from sealing.secret import BackupSecret, KemSeed, SecretBytes
from sealing.trust import Trust

Inputs = Mapping[str, Any]


def trust_of(given: Inputs) -> Trust:
    return given.get("trust") or Trust(from_b64u(given["root"]), given["authority_list"], given["rosters"])


def backup_key(given: Inputs, name: str = "key") -> BackupKey:
    key = given[name]
    return BackupKey(key["key_id"], key["epoch"], key["kind"], BackupSecret(from_b64u(key["secret"])))


def escrow_of(given: Inputs) -> KemPrivateKey:
    return KemPrivateKey(KemSeed(from_b64u(given["escrow_seed"])))


def oaep_of(given: Inputs) -> OaepPrivateKey:
    return OaepPrivateKey.from_secret(SecretBytes(from_b64u(given["oaep_key"])))


def open_value(given: Inputs) -> BackupKey:
    trust = trust_of(given)
    return value.open_value(value.read(given["text"], trust), escrow_of(given), trust)


def open_value_by_oaep(given: Inputs) -> BackupKey:
    trust = trust_of(given)
    return value.open_value(value.read(given["text"], trust), oaep_of(given), trust)


def owner_of_value(given: Inputs) -> None:
    value.read(given["text"], trust_of(given)).require_owner(given["customer"], given["appliance"])


def receipt_for(given: Inputs) -> None:
    receipt.read(given["text"], trust_of(given)).require_for(given["value"])


def check_drill(given: Inputs) -> None:
    trust = trust_of(given)
    proof = drill.read_proof(given["text"], trust)
    drill.check(proof, given["drill_request"], given["value"], backup_key(given), trust)


def device_of_request(given: Inputs) -> None:
    trust = trust_of(given)
    record = device_record.read(given["device_record"], trust)
    transfer_request.read(given["text"], trust).require_device(record)


def open_transfer(given: Inputs) -> tuple[BackupKey, ...]:
    trust = trust_of(given)
    request = transfer_request.read(given["transfer_request"], trust)
    private = KemPrivateKey(KemSeed(from_b64u(given["target_seed"])))
    return transfer.open_transfer(transfer.read(given["text"], trust), request, private, now=given["now"])


def installation_for(given: Inputs) -> None:
    trust = trust_of(given)
    installed = installation.read(given["text"], trust)
    installed.require_for(transfer.read(given["transfer"], trust))


def live_ticket(given: Inputs) -> None:
    ticket.read(given["text"], trust_of(given)).require_fresh(given["now"])


def read_approval(given: Inputs) -> None:
    trust = trust_of(given)
    approval.read(given["text"], ticket.read(given["ticket"], trust), trust)


def approval_round(given: Inputs) -> None:
    trust = trust_of(given)
    approval.require_round(given["approvals"], ticket.read(given["ticket"], trust), trust)


def enrol(given: Inputs) -> None:
    trust = trust_of(given)
    unit = trust.unit(tuple(from_b64u(der) for der in given["unit_chain"]))
    enrolment.read(given["text"], trust).require_unit(unit)


def unwrap_data_key(given: Inputs) -> None:
    backup_key(given).unwrap_data_key(given["data_key_id"], given["text"])


READ: dict[str, Callable[[str, Trust], Any]] = {
    "read value": value.read,
    "read receipt": receipt.read,
    "read drill request": drill.read_request,
    "read drill proof": drill.read_proof,
    "read transfer request": transfer_request.read,
    "read device record": device_record.read,
    "read ticket": ticket.read,
    "read transfer": transfer.read,
    "read installation": installation.read,
    "read report": report.read,
    "read head": head.read,
    "read enrolment": enrolment.read,
}


def reading(reader: Callable[[str, Trust], Any]) -> Callable[[Inputs], Any]:
    return lambda given: reader(given["text"], trust_of(given))


PROCEDURES: dict[str, Callable[[Inputs], Any]] = {
    **{name: reading(reader) for name, reader in READ.items()},
    "read possession": lambda given: possession.read(given["text"]),
    "read authority list": lambda given: authority_list.read(given["text"], trust_of(given).root),
    "take authority list": lambda given: trust_of(given).take_authority_list(given["text"]),
    "take roster": lambda given: trust_of(given).take_roster(given["text"]),
    "read certification request": lambda given: read_request(from_b64u(given["text"])),
    "open value": open_value,
    "open value by RSA-OAEP": open_value_by_oaep,
    "owner of value": owner_of_value,
    "receipt for value": receipt_for,
    "check drill": check_drill,
    "device of request": device_of_request,
    "open transfer": open_transfer,
    "installation of transfer": installation_for,
    "live ticket": live_ticket,
    "read approval": read_approval,
    "approval round": approval_round,
    "enrol": enrol,
    "open key file": lambda given: open_key(
        given["text"], Passphrase.of(given["passphrase"]), use=given["use"]
    ),
    "unwrap data key": unwrap_data_key,
}


def perform(vector: Mapping[str, Any], world: Mapping[str, Any]) -> Any:
    """Do what the vector asks, its inputs over the world's."""
    return PROCEDURES[vector["do"]]({**world, **vector["given"]})
