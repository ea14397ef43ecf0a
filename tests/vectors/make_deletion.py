"""Makes deletion.json: `python -m tests.vectors.make_deletion`. Every run gives new keys and new texts.

Provenance as in make_documents.py: made with the project's own code, the faults signed anew around each.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sealing.documents import deletion_record, head
from sealing.encoding import Digest, b64u
from sealing.jose import Signer
from tests.sealing.world import APPLIANCE, CUSTOMER, NOW, TARGET_ID, World
from tests.vectors import forge

FILE = Path(__file__).with_name("deletion.json")


def record(serial: str, **changes: Any) -> deletion_record.DeletionRecord:
    """Claims of a good record, with changes."""
    good: dict[str, Any] = {
        "serial": serial,
        "customer": CUSTOMER.id,
        "appliance": APPLIANCE.id,
        "target": TARGET_ID,
        "image": "55555555-5555-4555-8555-555555555555",
        "sequence": 17,
        "header": Digest(b64u(b"\x11" * 48)),
        "link": "aa" * 32,
        "previous": "bb" * 32,
        "key_id": "0123456789abcdef" * 2,
        "made_at": NOW - 10_000_000,
        "expired_at": NOW - 10_000,
        "reason": "retention",
        "iat": NOW,
    }
    return deletion_record.DeletionRecord(**{**good, **changes})


def make() -> dict[str, Any]:
    """Root, list, a good record, and one record for each fault."""
    world = World()
    signer: Signer = world.source.signer
    good = deletion_record.issue(record(world.source.serial), signer)
    first = deletion_record.issue(record(world.source.serial, sequence=1, previous=None), signer)
    other = world.make_unit("78-D0999")
    vectors: list[dict[str, str]] = []

    def add(name: str, fault: str, expect: str, text: str) -> None:
        vectors.append({"name": name, "fault": fault, "expect": expect, "text": text})

    def claims(name: str, fault: str, expect: str, **changed: Any) -> None:
        add(name, fault, expect, forge.with_claims(good, signer, **changed))

    claims("deleted-before-expired", "no grace", "binding.time", expired_at=NOW + 1)
    claims("expired-before-made", "marked before it was there", "binding.time", expired_at=NOW - 20_000_000)
    claims("first-names-one-before", "sequence 1 with a previous", "binding.sequence", sequence=1)
    claims("second-names-none-before", "sequence 17 without one", "binding.sequence", previous=None)
    claims("sequence-zero", "no place in a chain", "binding.sequence", sequence=0, previous=None)
    claims("reason-unknown", "a reason off the list", "encoding.member", reason="because")
    claims("link-in-upper-case", "not the one form", "encoding.member", link="AA" * 32)
    claims("link-short", "31 bytes", "encoding.member", link="aa" * 31)
    claims("image-with-a-path", "not a UUID", "encoding.member", image="../x")
    claims("key-id-missing", "a member removed", "encoding.missing-member", key_id=...)
    claims("holder-added", "a member added", "encoding.unknown-member", holder="x")
    claims("serial-of-another", "another unit's serial", "binding.serial", serial=other.serial)
    head_form = forge.with_header(good, signer, typ=head.FORM.typ)
    add("type-of-a-head", "the typ of another document", "header.type", head_form)
    borrowed = forge.with_header(good, other.signer)
    add("signed-by-another", "another unit's signature under this chain", "signature.does-not-fit", borrowed)
    flipped = good[:-6] + ("A" if good[-6] != "A" else "B") + good[-5:]
    add("signature-flipped", "one character of the signature", "signature.does-not-fit", flipped)
    return {
        "provenance": "tests/vectors/make_deletion.py; the keys protect nothing",
        "root": b64u(world.root),
        "authority_list": world.authorities,
        "good": [good, first],
        "vectors": vectors,
    }


if __name__ == "__main__":
    made = make()
    FILE.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")
    print(f"{len(made['vectors'])} vectors, {FILE.stat().st_size} bytes")
