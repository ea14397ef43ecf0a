"""Make vault.json and keyring.json: one good file each, and files with exactly one fault.

    .venv/bin/python -m tests.vectors.make_vault

Roots and secrets are made up here and used nowhere else; the files are random by nature (fresh salts), so
they are made once and committed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sealing.encoding import b64u, canonical_json
from sealing.envelope import seal_under
from sealing.keyring_file import SLOT, encode_keyring, seal_keyring
from sealing.vault import MAGIC, VAULT_SLOT, SoftwareVault, VaultRoot
from tests.sealing.rings import make_ring

HERE = Path(__file__).parent
ROOT = bytes(range(32))
OTHER = bytes(range(32, 64))


class Root:
    """A root in memory."""

    def __init__(self, raw: bytes = ROOT) -> None:
        self.raw = raw

    def read(self) -> VaultRoot:
        return VaultRoot(self.raw)

    def destroy(self) -> None:
        raise NotImplementedError


def case(
    name: str, file: bytes, refused: str, slot: str = "kem", root: bytes = ROOT, **more: Any
) -> dict[str, Any]:
    return {"name": name, "slot": slot, "root": b64u(root), "file": b64u(file), "refused": refused, **more}


def forged(metadata: bytes, secret: bytes = b"strongroom", magic: bytes = MAGIC) -> bytes:
    """A slot sealed rightly around whatever metadata text."""
    head = magic + len(metadata).to_bytes(4, "big") + metadata
    return head + seal_under(VaultRoot(ROOT), VAULT_SLOT, secret, head)


def flipped(file: bytes, at: int) -> bytes:
    return file[:at] + bytes([file[at] ^ 1]) + file[at + 1 :]


def vault_vectors() -> dict[str, Any]:
    vault = SoftwareVault(Root())
    good = vault.seal("kem", b"strongroom", {"v": 1})
    head = len(MAGIC) + 4 + len(canonical_json({"slot": "kem", "v": 1}))
    return {
        "good": {
            "slot": "kem",
            "root": b64u(ROOT),
            "file": b64u(good),
            "secret": "strongroom",
            "metadata": {"v": 1},
        },
        "faults": [
            case(
                "another product's magic",
                forged(b'{"slot":"kem","v":1}', magic=b"SRVAULU\x01"),
                "encoding.magic",
            ),
            case("version 2", forged(b'{"slot":"kem","v":1}', magic=b"SRVAULT\x02"), "encoding.magic"),
            case("empty", b"", "encoding.magic"),
            case("ends after the magic", good[:8], "encoding.truncated"),
            case("ends within the metadata", good[:20], "encoding.truncated"),
            case("ends within the envelope", good[: head + 70], "encoding.truncated"),
            case(
                "metadata announced longer than the file",
                good[:8] + b"\xff\xff\xff\xff" + good[12:],
                "encoding.truncated",
            ),
            case("metadata with a space", forged(b'{"slot": "kem","v":1}'), "encoding.json-not-canonical"),
            case("metadata out of order", forged(b'{"v":1,"slot":"kem"}'), "encoding.json-not-canonical"),
            case("metadata no object", forged(b'["kem"]'), "encoding.json"),
            case("a member twice", forged(b'{"slot":"kem","slot":"kem"}'), "encoding.duplicate-member"),
            case("the file of another slot", vault.seal("identity", b"strongroom", {"v": 1}), "binding.slot"),
            case("no slot named", forged(b'{"v":1}'), "binding.slot"),
            case("another vault's root", good, "commitment.another-key", root=OTHER),
            case("salt flipped", flipped(good, head), "commitment.another-key"),
            case("commitment flipped", flipped(good, head + 32), "commitment.another-key"),
            case("metadata edited", good.replace(b'"v":1', b'"v":2'), "seal.does-not-open"),
            case("ciphertext flipped", flipped(good, head + 64), "seal.does-not-open"),
            case("tag flipped", flipped(good, len(good) - 1), "seal.does-not-open"),
            case("one byte more", good + b"\0", "seal.does-not-open"),
        ],
    }


def keyring_vectors() -> dict[str, Any]:
    vault = SoftwareVault(Root())
    ring = make_ring()
    text = encode_keyring(ring)
    good = seal_keyring(vault, ring, at=ring.marks.clock)

    def sealed(body: bytes, **changes: Any) -> bytes:
        metadata = {
            "v": 1,
            "version": ring.version,
            "serial": ring.serial,
            "written": ring.marks.clock,
            **changes,
        }
        return vault.seal(SLOT, body, metadata)

    def edited(change: Any) -> bytes:
        body = json.loads(text)
        change(body)
        return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def fault(name: str, file: bytes, refused: str, version: int = ring.version) -> dict[str, Any]:
        return case(name, file, refused, slot=SLOT, version=version)

    def second_active(body: dict[str, Any]) -> None:
        body["keys"][0]["state"] = "active"
        body["transitions"].append([body["keys"][0]["id"], "deactivated", "active", "x", "x", 1])

    rules = {
        "two active keys": (second_active, "keyring.two-active"),
        "an imported key active": (
            lambda b: b["keys"][1].update(origin="imported"),
            "keyring.active-imported",
        ),
        "active without a proof": (lambda b: b["keys"][1].update(proof=None), "keyring.active-unproven"),
        "active, value held by nobody": (
            lambda b: b["keys"][1].update(receipts=[]),
            "keyring.active-unproven",
        ),
        "destroyed with its secret": (_destroyed, "keyring.secret-and-state"),
        "alive without a secret": (lambda b: b["keys"][0].update(secret=None), "keyring.secret-and-state"),
        "a key id twice": (lambda b: b["keys"][0].update(id=b["keys"][1]["id"]), "keyring.key-id-twice"),
        "an epoch twice": (lambda b: b["keys"][0].update(epoch=b["keys"][1]["epoch"]), "keyring.epoch-twice"),
        "an epoch above its mark": (lambda b: b["marks"].update(epoch=1), "keyring.epoch-mark"),
        "a data key id twice": (_data_key_twice, "keyring.data-key-id-twice"),
        "no data key for the active key": (lambda b: b["data_keys"].pop(), "keyring.no-data-key"),
        "two current id keys of a tenant": (_two_id_keys, "keyring.two-id-keys"),
        "a nonce open and consumed": (_open_and_consumed, "keyring.nonce-open-and-consumed"),
        "a state no arrow led to": (lambda b: b["transitions"].pop(), "keyring.transitions"),
    }
    return {
        "good": {
            "slot": SLOT,
            "root": b64u(ROOT),
            "file": b64u(good),
            "version": ring.version,
            "text": text.decode(),
        },
        "faults": [
            fault("the file of another version", good, "binding.keyring-version", version=ring.version + 1),
            fault(
                "metadata of another version",
                sealed(text, version=ring.version + 1),
                "binding.keyring-version",
            ),
            fault("metadata of another unit", sealed(text, serial="78-OTHER"), "binding.keyring-version"),
            fault("format 2", sealed(text, v=2), "encoding.keyring-format"),
            fault("not JSON", sealed(b"keyring"), "encoding.keyring"),
            fault("a space more", sealed(text.replace(b'":', b'": ', 1)), "encoding.keyring"),
            fault("an unknown member", sealed(edited(lambda b: b.update(more=1))), "encoding.keyring"),
            fault("a member missing", sealed(edited(lambda b: b.pop("consumed"))), "encoding.keyring"),
            fault(
                "an unknown state",
                sealed(edited(lambda b: b["keys"][0].update(state="asleep"))),
                "encoding.keyring",
            ),
            fault(
                "a short secret",
                sealed(edited(lambda b: b["keys"][0].update(secret="AAAA"))),
                "encoding.keyring",
            ),
            fault(
                "a number as text",
                sealed(edited(lambda b: b["keys"][0].update(epoch="1"))),
                "encoding.keyring",
            ),
            *(fault(name, sealed(edited(change)), refused) for name, (change, refused) in rules.items()),
        ],
    }


def _destroyed(body: dict[str, Any]) -> None:
    body["keys"][0]["state"] = "destroyed"
    body["transitions"].append([body["keys"][0]["id"], "deactivated", "destroyed", "x", "x", 1])


def _data_key_twice(body: dict[str, Any]) -> None:
    body["data_keys"][0]["id"] = body["data_keys"][1]["id"]


def _two_id_keys(body: dict[str, Any]) -> None:
    body["id_keys"].append({**body["id_keys"][0], "id": "e" * 32})


def _open_and_consumed(body: dict[str, Any]) -> None:
    body["consumed"].append(body["open_nonces"][0][0])


def main() -> None:
    for name, made in (("vault", vault_vectors()), ("keyring", keyring_vectors())):
        (HERE / f"{name}.json").write_text(
            json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
