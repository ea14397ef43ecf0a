"""A keyring with a history, for tests of its rules and for its vectors."""

from __future__ import annotations

from dataclasses import replace

from sealing.backupkey import BackupKey
from sealing.keyring import (
    IdKeyRecord,
    KeyRecord,
    Keyring,
    KeyState,
    Marks,
    OpenNonce,
    Ownership,
    Pins,
    Proof,
    StoreRoot,
)
from sealing.secret import BackupSecret, DataKey, IdKey, KemSeed

AT = 1_790_000_000
SERIAL = "78-K0001"
PROOF = Proof("drilled", AT, ("custody",), "digest")


def empty_ring() -> Keyring:
    return Keyring(
        version=1,
        serial=SERIAL,
        pins=Pins(model="SR-200", root="AAAA", chain=("AAAA",), device_record="a.b.c"),
        spool=KemSeed(bytes(range(100, 132))),
        store=StoreRoot(bytes(range(132, 164))),
        marks=Marks(clock=AT, authority_list=1),
        authority_list="a.b.c",
        ownership=Ownership("c-id", "Harbour Authority", "a-id", "Harbour cloud", "a.b.c"),
    )


def record(key_id: str, epoch: int, **changes: object) -> KeyRecord:
    key = BackupKey(key_id, epoch, "symmetric", BackupSecret(bytes([epoch]) * 32))
    base = KeyRecord(
        key_id=key_id,
        epoch=epoch,
        kind="symmetric",
        origin="generated",
        state=KeyState.PRE_ACTIVATION,
        commitment=key.commitment,
        created=AT,
        secret=key.secret,
        data_key_id=f"{epoch:x}".rjust(32, "d"),
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # members of the record


def generate(ring: Keyring, letter: str) -> Keyring:
    """A key in pre-activation whose id is that letter, 32 times."""
    return ring.generate(
        key=lambda epoch: record(letter * 32, epoch),
        data_key=DataKey(bytes([ord(letter)]) * 32),
        who="ada",
        why="test",
        at=AT,
    )


def prove(ring: Keyring, letter: str) -> Keyring:
    """Its value held by the desk, and drilled."""
    return ring.amend(letter * 32, values=("v.v.v",), receipts=("r.r.r",), proof=PROOF)


def rotate(ring: Keyring, letter: str) -> Keyring:
    made = prove(generate(ring, letter), letter)
    return made.activate(letter * 32, who="ada", why="test", at=AT)


def make_ring() -> Keyring:
    """Two epochs, an id key, an open drill, a consumed nonce."""
    ring = rotate(rotate(empty_ring(), "a"), "b")
    ring = ring.add_id_keys((IdKeyRecord("f" * 32, "default", IdKey(bytes(range(32))), True),))
    ring = ring.open_nonce(OpenNonce("nonce-1", "drill", "a.b.c", "b" * 32, AT))
    ring = ring.open_nonce(OpenNonce("nonce-2", "transfer", "a.b.c", "", AT))
    ring, _ = ring.consume_nonce("nonce-2", "transfer")
    return replace(ring, version=7)
