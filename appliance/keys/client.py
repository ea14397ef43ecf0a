"""The engine's way to the key process: one method a verb, over a Unix socket. No Django here.

Only the engine and management commands use it; web code never imports it. Refusals of the key process are
raised here as the same classes (`appliance.keys.errors`). Secrets that the engine is meant to hold (data
keys, id keys, the spool's private key) arrive wrapped in types that do not print; `K` never arrives.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sealing.encoding import b64u, from_b64u
from sealing.secret import DataKey, IdKey, KemSeed, Key256, Unprintable

from . import wire
from .errors import BY_CODE, KeyRefusal, ProcessUnreachable

DEFAULT_TIMEOUT: Final = 60.0  # seconds; a verb takes milliseconds, its fsync seldom more
DEFAULT_PATIENCE: Final = 10.0  # seconds to wait for a key process that is being started again
RETRY_SECONDS: Final = 0.1
SCAN_TIMEOUT: Final = 900.0


@dataclass(frozen=True)
class EpochInfo:
    """What may be known of a key: everything but the key."""

    key_id: str
    epoch: int
    kind: str
    origin: str
    state: str
    commitment: str
    created: int
    data_key_id: str
    value_digests: tuple[str, ...]
    receipts: int
    downloaded: bool
    durable: bool
    proof: Mapping[str, Any] | None  # how, at, by, detail
    source: str


@dataclass(frozen=True)
class TransitionInfo:
    key_id: str
    old: str
    new: str
    who: str
    why: str
    at: int


@dataclass(frozen=True)
class Status:
    """`state`: empty (no identity), begun (waits for its bundle), ready, tampered."""

    state: str
    vault_class: str
    serial: str = ""
    model: str = ""
    certificate_thumbprint: str = ""
    device_record: str = ""
    customer: Mapping[str, str] | None = None  # id, name
    appliance: Mapping[str, str] | None = None
    keyring_version: int = 0
    must_rotate: bool = False
    first_key: bool = True  # no key was ever active here: one admin may waive
    root: str = ""  # the pinned root, DER in base64url
    authority_list: str = ""
    authority_list_version: int = 0
    spool_public_key: str = ""  # base64url
    epochs: tuple[EpochInfo, ...] = ()
    transitions: tuple[TransitionInfo, ...] = ()

    @property
    def active(self) -> EpochInfo | None:
        return next((item for item in self.epochs if item.state == "active"), None)

    @property
    def pending(self) -> EpochInfo | None:
        return next((item for item in self.epochs if item.state == "pre-activation"), None)

    def epoch(self, key_id: str) -> EpochInfo | None:
        return next((item for item in self.epochs if item.key_id == key_id), None)


@dataclass(frozen=True, repr=False)
class ActiveDataKey(Unprintable):
    """The one data key that seals."""

    data_key_id: str
    key: DataKey
    epoch: int
    key_id: str  # of the backup key that wraps it


@dataclass(frozen=True, repr=False)
class EngineKeys(Unprintable):
    """What the engine works with. `active` is None when nothing may be sealed."""

    active: ActiveDataKey | None
    data_keys: Mapping[str, DataKey]  # by id, all that open
    id_keys: Mapping[str, Sequence[IdKey]]  # by tenant, newest first: the first names new chunks
    spool_private: KemSeed
    store_key: Key256  # for the store's own index and journal


@dataclass(frozen=True, repr=False)
class ImageWrapping(Unprintable):
    """What an image's header says about keys, and the fresh key of the image itself.

    `wrapped` and `proof` go into the header as they are; `unwrap_image` takes `wrapped` back.
    """

    key_id: str
    epoch: int
    values: tuple[str, ...]
    wrapped: Mapping[str, Any]  # kind, commitment, image_key, data_keys, id_keys
    proof: Mapping[str, Any]  # by: drilled | waived, at, …
    image_key_id: str
    image_key: Key256  # seals the manifest


@dataclass(frozen=True, repr=False)
class ImageKeys(Unprintable):
    """The keys that an image's chunks were sealed and named with."""

    image_key_id: str
    image_key: Key256
    data_keys: Mapping[str, DataKey]
    id_keys: Mapping[str, Sequence[IdKey]]


@dataclass(frozen=True)
class Installed:
    """A transfer that was installed. `facts` are the transfer's claims (source, ticket, heads, …)."""

    receipt: str
    key_ids: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScanResult:
    """Counts of secrets found, by kind; nothing else leaves the key process."""

    hits: Mapping[str, int]
    files: int
    bytes: int
    skipped: int

    @property
    def canary_hits(self) -> int:
        return sum(self.hits.values())


class KeyProcess:
    """Speaks to the key process listening on `socket_path`. Holds no connection; safe between threads."""

    def __init__(
        self,
        socket_path: Path | str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        patience: float = DEFAULT_PATIENCE,
    ) -> None:
        """`patience`: how long to wait for a process that is not there, or went away before it answered."""
        self._path: Final = str(socket_path)
        self._timeout: Final = timeout
        self._patience: Final = patience

    # unit ---------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """What is to be known of unit and keys; answers in every state, also tampered."""
        return _status(self._call("status"))

    def factory_begin(self, *, serial: str, model: str = "") -> dict[str, Any]:
        """Make identity key and KEM seed (once) and give the request for the device authority."""
        return self._call("factory_begin", serial=serial, model=model)

    def factory_finish(self, bundle: Mapping[str, Any]) -> Status:
        """Check the bundle against the request, pin root, identity and authority list."""
        return _status(self._call("factory_finish", bundle=dict(bundle)))

    def enrol(self, enrolment: str) -> Status:
        """First installation: pin customer and appliance as the front desk's document names them."""
        return _status(self._call("enrol", enrolment=enrolment))

    def take_authority_list(self, text: str) -> int:
        """Pin a newer authority list, if it holds under the pinned root; gives the version now pinned."""
        return int(self._call("take_authority_list", list=text)["version"])

    def tamper(self, *, who: str, why: str) -> None:
        """Latch, then destroy the vault's root. Nothing opens again, ever."""
        self._call("tamper", who=who, why=why)

    def scan(self, paths: Iterable[Path | str]) -> ScanResult:
        """Count every secret the key process holds, in every encoding, in the files below `paths`."""
        answer = self._call("scan", _timeout=SCAN_TIMEOUT, paths=[str(path) for path in paths])
        return ScanResult(
            dict(answer["hits"]), int(answer["files"]), int(answer["bytes"]), int(answer["skipped"])
        )

    # epochs -------------------------------------------------------------------------------------------------

    def generate(self, *, who: str, why: str, kind: str = "symmetric") -> EpochInfo:
        """R1: a key in pre-activation; the one already pending if there is one."""
        return _epoch(self._call("generate", who=who, why=why, kind=kind)["epoch"])

    def seal_values(self, key_id: str) -> tuple[str, ...]:
        """R2: the values of a key, one for each escrow authority of the pinned list."""
        return tuple(self._call("seal_values", key_id=key_id)["values"])

    def values(self, key_id: str) -> tuple[str, ...]:
        """The values sealed before; they are no secret."""
        return tuple(self._call("values", key_id=key_id)["values"])

    def accept_receipt(self, key_id: str, receipt: str) -> EpochInfo:
        """R4: the desk's signed receipt for one of the values."""
        return _epoch(self._call("accept_receipt", key_id=key_id, receipt=receipt)["epoch"])

    def prove_download(self, key_id: str, digest: str) -> EpochInfo:
        """R4, by hand: the digest of the downloaded value, given back."""
        return _epoch(self._call("prove_download", key_id=key_id, digest=digest)["epoch"])

    def drill_request(self, key_id: str, *, purpose: str) -> str:
        """R5: a signed request with a fresh nonce that the keyring remembers."""
        return str(self._call("drill_request", key_id=key_id, purpose=purpose)["request"])

    def check_drill(self, proof: str) -> EpochInfo:
        """R5: check custody's answer; `DrillFailed` if it was not made with the key."""
        return _epoch(self._call("check_drill", _once=True, proof=proof)["epoch"])

    def waive_drill(self, key_id: str, *, admins: Sequence[str], why: str) -> EpochInfo:
        """R5, marked: two admins, or one for the first key and in must-rotate."""
        return _epoch(self._call("waive_drill", key_id=key_id, admins=list(admins), why=why)["epoch"])

    def activate(self, key_id: str, *, who: str, why: str) -> EpochInfo:
        """R6: one rename. Idempotent."""
        return _epoch(self._call("activate", key_id=key_id, who=who, why=why)["epoch"])

    def set_aside(self, key_id: str, *, who: str, why: str) -> EpochInfo:
        """Give up a key in pre-activation: it is destroyed, having sealed nothing."""
        return self._move(key_id, "set_aside", who, why)

    def compromise(self, key_id: str, *, who: str, why: str) -> EpochInfo:
        """Doubt: the key goes on opening, flagged; nothing is sealed before a rotation."""
        return self._move(key_id, "compromise", who, why)

    def destroy(self, key_id: str, *, who: str, why: str, evidence: Sequence[str] = ()) -> EpochInfo:
        """Zeroise a key no retained image needs; every kept version is rewritten.

        `evidence`: the headers and deletion records of every target of this unit; `KeyNeeded` or
        `EvidenceRefused` if they do not show it.
        """
        answer = self._call("destroy", key_id=key_id, who=who, why=why, evidence=list(evidence))
        return _epoch(answer["epoch"])

    def _move(self, key_id: str, verb: str, who: str, why: str) -> EpochInfo:
        return _epoch(self._call(verb, key_id=key_id, who=who, why=why)["epoch"])

    # engine -------------------------------------------------------------------------------------------------

    def data_keys(self) -> EngineKeys:
        """Keys to seal and open content with."""
        answer = self._call("data_keys")
        active = answer["active"]
        data_keys = {key_id: DataKey(from_b64u(text)) for key_id, text in answer["data_keys"].items()}
        return EngineKeys(
            active=None
            if active is None
            else ActiveDataKey(
                active["data_key_id"], data_keys[active["data_key_id"]], active["epoch"], active["key_id"]
            ),
            data_keys=data_keys,
            id_keys=_id_keys(answer["id_keys"]),
            spool_private=KemSeed(from_b64u(answer["spool_private"])),
            store_key=Key256(from_b64u(answer["store_key"])),
        )

    def id_key(self, tenant: str) -> IdKey:
        """The tenant's current id key, made when first asked for."""
        return IdKey(from_b64u(self._call("id_key", tenant=tenant)["key"]))

    def wrap_for_image(self, data_key_ids: Sequence[str]) -> ImageWrapping:
        """Wrap data keys of an image's chunks, all id keys and a fresh image key under the active key."""
        answer = self._call("wrap_for_image", data_key_ids=list(data_key_ids))
        return ImageWrapping(
            key_id=answer["key_id"],
            epoch=answer["epoch"],
            values=tuple(answer["values"]),
            wrapped=answer["wrapped"],
            proof=answer["proof"],
            image_key_id=answer["image_key_id"],
            image_key=Key256(from_b64u(answer["image_key"])),
        )

    def unwrap_image(self, *, key_id: str, wrapped: Mapping[str, Any], adopt: bool = False) -> ImageKeys:
        """Open what `wrap_for_image` wrapped, here or on another unit.

        With `adopt`, at a restore, data keys and id keys are kept in the keyring: the store needs them from
        then on.
        """
        answer = self._call("unwrap_image", key_id=key_id, wrapped=dict(wrapped), adopt=adopt)
        return ImageKeys(
            image_key_id=answer["image_key_id"],
            image_key=Key256(from_b64u(answer["image_key"])),
            data_keys={name: DataKey(from_b64u(text)) for name, text in answer["data_keys"].items()},
            id_keys=_id_keys(answer["id_keys"]),
        )

    def signer(self) -> RemoteSigner:
        """A `sealing.jose.Signer` by this unit's identity, for the documents the engine may issue."""
        answer = self._call("signer")
        return RemoteSigner(self, answer["kid"], tuple(from_b64u(der) for der in answer["chain"]))

    def sign(self, message: bytes) -> bytes:
        """The signature of a signing input whose type and claims the key process agrees with."""
        return from_b64u(self._call("sign", message=b64u(message))["signature"])

    # transfers ----------------------------------------------------------------------------------------------

    def transfer_request(self) -> str:
        """A signed request to receive keys, with a fresh nonce that the keyring remembers."""
        return str(self._call("transfer_request")["request"])

    def install_transfer(self, transfer: str, *, who: str) -> Installed:
        """Check everything, consume the nonce and store the keys in one rename."""
        return _installed(self._call("install_transfer", _once=True, transfer=transfer, who=who))

    def installation(self) -> Installed | None:
        """The newest installation, with a receipt as good as the first: for a crash before it was sent."""
        answer = self._call("installation")["installed"]
        return None if answer is None else _installed(answer)

    # --------------------------------------------------------------------------------------------------------
    # -

    def _call(
        self, verb: str, *, _timeout: float | None = None, _once: bool = False, **params: Any
    ) -> dict[str, Any]:
        """One verb. Sent again after a crash of the key process, unless `_once`: then only if never sent."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return _judged(verb, self._exchange(verb, params, _timeout or self._timeout))
            except _NotThere as error:
                cause: Exception = error
            except _WentAway as error:
                if _once:
                    raise ProcessUnreachable(verb=verb, reason=str(error)) from error
                cause = error
            if time.monotonic() >= deadline:
                raise ProcessUnreachable(verb=verb, reason=str(cause)) from cause
            time.sleep(RETRY_SECONDS)

    def _exchange(self, verb: str, params: dict[str, Any], timeout: float) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            try:
                connection.connect(self._path)
            except OSError as error:
                raise _NotThere(error.strerror or type(error).__name__) from error
            try:
                wire.send(connection, {"verb": verb, "params": params})
                return wire.receive(connection)
            except wire.PeerClosed as error:
                raise _WentAway("it hung up") from error
            except TimeoutError as error:
                raise ProcessUnreachable(verb=verb, reason="no answer in time") from error
            except OSError as error:
                raise _WentAway(error.strerror or type(error).__name__) from error


class _NotThere(Exception):
    """Nothing was sent."""


class _WentAway(Exception):
    """It may have done what was asked."""


def _judged(verb: str, answer: dict[str, Any]) -> dict[str, Any]:
    refusal = answer.get("refusal")
    if refusal is not None:
        raise BY_CODE.get(str(refusal.get("code")), KeyRefusal)(**refusal.get("facts", {}))
    ok = answer.get("ok")
    if not isinstance(ok, dict):
        raise ProcessUnreachable(verb=verb, reason="an answer of no known shape")
    return ok


class RemoteSigner:
    """Signs through the key process; holds public things only."""

    def __init__(self, process: KeyProcess, kid: str, chain: tuple[bytes, ...]) -> None:
        self._process = process
        self.kid: Final = kid
        self.chain: Final = chain

    def sign(self, message: bytes) -> bytes:
        return self._process.sign(message)


def _epoch(data: Mapping[str, Any]) -> EpochInfo:
    return EpochInfo(**{**data, "value_digests": tuple(data["value_digests"])})


def _status(data: Mapping[str, Any]) -> Status:
    return Status(
        **{
            **data,
            "epochs": tuple(_epoch(item) for item in data.get("epochs", ())),
            "transitions": tuple(TransitionInfo(**item) for item in data.get("transitions", ())),
        }
    )


def _id_keys(data: Mapping[str, Sequence[str]]) -> dict[str, tuple[IdKey, ...]]:
    return {tenant: tuple(IdKey(from_b64u(text)) for text in texts) for tenant, texts in data.items()}


def _installed(data: Mapping[str, Any]) -> Installed:
    return Installed(data["receipt"], tuple(data["key_ids"]), data["facts"])
