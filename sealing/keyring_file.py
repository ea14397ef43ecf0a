"""The text of a keyring and its file: canonical JSON in the vault's slot `keyring` (docs/formats/keyring.md
§2, §3).

The vault authenticates the file, so what is parsed here was written by this unit; it is checked member by
member all the same, and against the keyring's rules, because a file of another release or a programmer's
error is possible.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

from .encoding import JsonObject, b64u, from_b64u
from .errors import BindingRefused, EncodingRefused
from .keyring import (
    DataKeyRecord,
    IdKeyRecord,
    Installation,
    KeyRecord,
    Keyring,
    KeyState,
    Marks,
    OpenNonce,
    Ownership,
    Pins,
    Proof,
    StoreRoot,
    Transition,
)
from .secret import BackupSecret, DataKey, IdKey, KemSeed, SecretBytes
from .vault import Vault

SLOT: Final = "keyring"
FORMAT: Final = 1
_S = TypeVar("_S", bound=SecretBytes)


def seal_keyring(vault: Vault, ring: Keyring, *, at: int) -> bytes:
    """The file of one keyring version."""
    ring.check()
    metadata = {"v": FORMAT, "version": ring.version, "serial": ring.serial, "written": at}
    return vault.seal(SLOT, encode_keyring(ring), metadata)


def open_keyring(vault: Vault, sealed: bytes, *, version: int) -> Keyring:
    """The keyring in a file whose name says `version`; `Refused` if anything about it is not right."""
    text, metadata = vault.open(SLOT, sealed)
    if metadata.get("v") != FORMAT:
        raise EncodingRefused("keyring-format", "a keyring of another release")
    ring = decode_keyring(text)
    if not ring.version == metadata.get("version") == version or ring.serial != metadata.get("serial"):
        raise BindingRefused("keyring-version", "the file of another version or unit")
    return ring.check()


def encode_keyring(ring: Keyring) -> bytes:
    """Canonical JSON of the keyring, secrets in base64url. To be sealed at once, never stored like this."""
    body: JsonObject = {
        "version": ring.version,
        "serial": ring.serial,
        "pins": {
            "model": ring.pins.model,
            "root": ring.pins.root,
            "chain": list(ring.pins.chain),
            "device_record": ring.pins.device_record,
        },
        "spool": b64u(ring.spool.reveal()),
        "store": b64u(ring.store.reveal()),
        "keys": [_key_out(key) for key in ring.keys],
        "data_keys": [
            {"id": d.data_key_id, "epoch": d.epoch, "secret": b64u(d.secret.reveal())} for d in ring.data_keys
        ],
        "id_keys": [
            {"id": i.id_key_id, "tenant": i.tenant, "secret": b64u(i.secret.reveal()), "current": i.current}
            for i in ring.id_keys
        ],
        "transitions": [[t.key_id, t.old, t.new.value, t.who, t.why, t.at] for t in ring.transitions],
        "open_nonces": [[n.nonce, n.use, n.request, n.key_id, n.at] for n in ring.open_nonces],
        "consumed": list(ring.consumed),
        "must_rotate": ring.must_rotate,
        "marks": {
            "epoch": ring.marks.epoch,
            "clock": ring.marks.clock,
            "authority_list": ring.marks.authority_list,
        },
        "authority_list": ring.authority_list,
        "ownership": None if ring.ownership is None else dict(vars(ring.ownership)),
        "installations": [dict(vars(item)) for item in ring.installations],
    }
    # The size limits of a boundary document (encoding.canonical_json) are not meant for a history of decades.
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def decode_keyring(text: bytes) -> Keyring:
    """The keyring whose text this is; `EncodingRefused` for anything else."""
    try:
        body = json.loads(text)
        ring = _keyring_in(body)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise EncodingRefused("keyring", "not a keyring of this version") from error
    if encode_keyring(ring) != text:
        raise EncodingRefused("keyring", "not the one text of this keyring")
    return ring


def _keyring_in(body: Any) -> Keyring:
    marks = body["marks"]
    owner = body["ownership"]
    pins = body["pins"]
    return Keyring(
        version=_int(body["version"]),
        serial=_str(body["serial"]),
        pins=Pins(
            _str(pins["model"]), _str(pins["root"]), _each(pins["chain"], _str), _str(pins["device_record"])
        ),
        spool=_secret(KemSeed, body["spool"]),
        store=_secret(StoreRoot, body["store"]),
        keys=_each(body["keys"], _key_in),
        data_keys=_each(
            body["data_keys"],
            lambda d: DataKeyRecord(_str(d["id"]), _int(d["epoch"]), _secret(DataKey, d["secret"])),
        ),
        id_keys=_each(
            body["id_keys"],
            lambda i: IdKeyRecord(
                _str(i["id"]), _str(i["tenant"]), _secret(IdKey, i["secret"]), _bool(i["current"])
            ),
        ),
        transitions=_each(
            body["transitions"],
            lambda t: Transition(_str(t[0]), _str(t[1]), KeyState(t[2]), _str(t[3]), _str(t[4]), _int(t[5])),
        ),
        open_nonces=_each(
            body["open_nonces"],
            lambda n: OpenNonce(
                _str(n[0]), _one_of(n[1], "transfer", "drill"), _str(n[2]), _str(n[3]), _int(n[4])
            ),
        ),
        consumed=_each(body["consumed"], _str),
        must_rotate=_bool(body["must_rotate"]),
        marks=Marks(_int(marks["epoch"]), _int(marks["clock"]), _int(marks["authority_list"])),
        authority_list=_str(body["authority_list"]),
        ownership=None if owner is None else Ownership(**{name: _str(owner[name]) for name in _OWNER}),
        installations=_each(
            body["installations"],
            lambda i: Installation(
                _str(i["transfer"]), _str(i["ticket"]), _str(i["nonce"]), _int(i["at"]), _str(i["facts"])
            ),
        ),
    )


_OWNER: Final = ("customer_id", "customer_name", "appliance_id", "appliance_name", "document")


def _key_out(key: KeyRecord) -> JsonObject:
    return {
        "id": key.key_id,
        "epoch": key.epoch,
        "kind": key.kind,
        "origin": key.origin,
        "state": key.state.value,
        "commitment": key.commitment,
        "created": key.created,
        "secret": None if key.secret is None else b64u(key.secret.reveal()),
        "data_key": key.data_key_id,
        "values": list(key.values),
        "receipts": list(key.receipts),
        "downloaded": key.downloaded,
        "proof": None
        if key.proof is None
        else [key.proof.how, key.proof.at, list(key.proof.by), key.proof.detail],
        "source": key.source,
    }


def _key_in(item: Any) -> KeyRecord:
    proof = item["proof"]
    secret = item["secret"]
    return KeyRecord(
        key_id=_str(item["id"]),
        epoch=_int(item["epoch"]),
        kind=_one_of(item["kind"], "symmetric", "hybrid"),
        origin=_one_of(item["origin"], "generated", "imported"),
        state=KeyState(item["state"]),
        commitment=_str(item["commitment"]),
        created=_int(item["created"]),
        secret=None if secret is None else _secret(BackupSecret, secret),
        data_key_id=_str(item["data_key"]),
        values=_each(item["values"], _str),
        receipts=_each(item["receipts"], _str),
        downloaded=_bool(item["downloaded"]),
        proof=None
        if proof is None
        else Proof(
            _one_of(proof[0], "drilled", "waived"), _int(proof[1]), _each(proof[2], _str), _str(proof[3])
        ),
        source=_str(item["source"]),
    )


_T = TypeVar("_T")


def _each(value: Any, read: Callable[[Any], _T]) -> tuple[_T, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(read(item) for item in value)


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _int(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _secret(kind: type[_S], value: Any) -> _S:
    raw = from_b64u(_str(value))
    if kind.length is not None and len(raw) != kind.length:
        raise ValueError
    return kind(raw)


def _one_of(value: Any, *allowed: str) -> Any:
    if value not in allowed:
        raise ValueError
    return value
