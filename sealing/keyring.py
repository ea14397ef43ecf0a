"""The keyring of a unit: its keys, their states and what must never move backwards (docs/formats/keyring.md).

A `Keyring` is a value. Every operation gives a new one or raises; nothing changes in place. The holder stores
the new one durably (one rename) and only then acts by it, so the state in memory is never ahead of the disk.

States and arrows of a key (names of NIST SP 800-57 part 1):

    pre-activation -> active          value durable, and proven or waived; its forerunner is deactivated
    pre-activation -> destroyed       set aside: it never sealed anything
    active         -> deactivated     by the activation of its successor
    pre-activation, active, deactivated -> compromised
    deactivated, compromised -> destroyed

Rules that `check` enforces on every keyring read or made: at most one key is active; it was generated here
and its value is durable and proven or waived; an imported key is never pre-activation or active; a destroyed
key has no secret left; key ids and epochs of generated keys do not repeat; no high-water mark falls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Literal

from .errors import Refused
from .secret import BackupSecret, DataKey, IdKey, KemSeed, Key256, Unprintable

KEPT_VERSIONS: Final = 3  # keyring files kept; keyring.md §5
MAX_OPEN_NONCES: Final = 8  # of each use: drills or transfers asked for and not yet answered


class KeyringRefused(Refused):
    """The keyring's own rules forbid it."""

    layer = "keyring"


class KeyState(StrEnum):
    PRE_ACTIVATION = "pre-activation"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    COMPROMISED = "compromised"
    DESTROYED = "destroyed"


ARROWS: Final[Mapping[KeyState, frozenset[KeyState]]] = {
    KeyState.PRE_ACTIVATION: frozenset({KeyState.ACTIVE, KeyState.DESTROYED, KeyState.COMPROMISED}),
    KeyState.ACTIVE: frozenset({KeyState.DEACTIVATED, KeyState.COMPROMISED}),
    KeyState.DEACTIVATED: frozenset({KeyState.COMPROMISED, KeyState.DESTROYED}),
    KeyState.COMPROMISED: frozenset({KeyState.DESTROYED}),
    KeyState.DESTROYED: frozenset(),
}

Kind = Literal["symmetric", "hybrid"]
Origin = Literal["generated", "imported"]
ProofHow = Literal["drilled", "waived"]
NonceUse = Literal["transfer", "drill"]


class StoreRoot(Key256):
    """What the keys of the unit's own store files are derived from."""

    __slots__ = ()


@dataclass(frozen=True)
class Proof:
    """Why a key may be active: a drill that was checked, or a waiver, marked wherever the key is used."""

    how: ProofHow
    at: int  # seconds since 1970, UTC
    by: tuple[str, ...]  # custody key id of the proof, or the admins who waived
    detail: str  # digest of the proof document, or the reason of the waiver


@dataclass(frozen=True)
class Transition:
    """One arrow taken."""

    key_id: str  # 16 random bytes as 32 hex digits
    old: str  # "" at birth
    new: KeyState
    who: str
    why: str
    at: int


@dataclass(frozen=True, repr=False)
class KeyRecord(Unprintable):
    """One backup key. `secret` is absent once destroyed; `values` stay for the tombstone."""

    key_id: str  # 16 random bytes as 32 hex digits
    epoch: int
    kind: Kind
    origin: Origin
    state: KeyState
    commitment: str
    created: int
    secret: BackupSecret | None
    data_key_id: str  # the data key of its epoch; "" for imported keys
    values: tuple[str, ...] = ()  # value records sealed for it, one for each authority; newest set counts
    receipts: tuple[str, ...] = ()  # lodging receipts of those values
    downloaded: bool = False  # an admin re-presented the digest of the value downloaded
    proof: Proof | None = None
    source: str = ""  # serial of the unit an imported key comes from

    @property
    def durable(self) -> bool:
        """The value is known to be held by someone besides this unit."""
        return bool(self.values) and (bool(self.receipts) or self.downloaded)


@dataclass(frozen=True, repr=False)
class DataKeyRecord(Unprintable):
    """Seals content. Retired ones only open."""

    data_key_id: str  # 16 random bytes as 32 hex digits
    epoch: int
    secret: DataKey


@dataclass(frozen=True, repr=False)
class IdKeyRecord(Unprintable):
    """Makes the chunk ids of one tenant; only the current one makes new ids, old ones recheck."""

    id_key_id: str  # 16 random bytes as 32 hex digits
    tenant: str
    secret: IdKey
    current: bool


@dataclass(frozen=True)
class OpenNonce:
    """A nonce that was sent out and may be answered once."""

    nonce: str
    use: NonceUse
    request: str  # the document that carries it
    key_id: str  # of a drill; "" for a transfer
    at: int


@dataclass(frozen=True)
class Ownership:
    """Whose unit this is, as a signed document said it."""

    customer_id: str
    customer_name: str
    appliance_id: str
    appliance_name: str
    document: str  # enrolment, or the transfer that made this unit a replacement


@dataclass(frozen=True)
class Pins:
    """What the factory pinned: the root, and this unit's identity below it. Public, but not to be swapped."""

    model: str
    root: str  # DER, base64url
    chain: tuple[str, ...]  # DER, base64url: the unit's certificate first
    device_record: str


@dataclass(frozen=True)
class Installation:
    """A transfer that was installed, once; enough to write its receipt again after a crash."""

    transfer: str  # digest
    ticket: str
    nonce: str
    at: int
    facts: str  # canonical JSON of what the receipt and the recovery report repeat


@dataclass(frozen=True)
class Marks:
    """What never falls."""

    epoch: int = 0
    clock: int = 0
    authority_list: int = 0


@dataclass(frozen=True, repr=False)
class Keyring(Unprintable):
    """Everything the key process must not forget. See the module's text for the rules."""

    version: int
    serial: str
    pins: Pins
    spool: KemSeed
    store: StoreRoot
    keys: tuple[KeyRecord, ...] = ()
    data_keys: tuple[DataKeyRecord, ...] = ()
    id_keys: tuple[IdKeyRecord, ...] = ()
    transitions: tuple[Transition, ...] = ()
    open_nonces: tuple[OpenNonce, ...] = ()
    consumed: tuple[str, ...] = ()
    must_rotate: bool = False
    marks: Marks = field(default_factory=Marks)
    authority_list: str = ""
    ownership: Ownership | None = None
    installations: tuple[Installation, ...] = ()

    # reading ------------------------------------------------------------------------------------------------

    @property
    def active(self) -> KeyRecord | None:
        return next((key for key in self.keys if key.state is KeyState.ACTIVE), None)

    @property
    def pending(self) -> KeyRecord | None:
        """The newest key in pre-activation, if a rotation is under way."""
        return next((key for key in reversed(self.keys) if key.state is KeyState.PRE_ACTIVATION), None)

    def key(self, key_id: str) -> KeyRecord:
        for key in self.keys:
            if key.key_id == key_id:
                return key
        raise KeyringRefused("unknown-key", "no key with this id", key_id=key_id)

    def usable(self, key_id: str) -> KeyRecord:
        """As `key`, but one whose secret is still there."""
        key = self.key(key_id)
        if key.secret is None:
            raise KeyringRefused("destroyed", "this key was destroyed", key_id=key_id, epoch=key.epoch)
        return key

    def data_key(self, data_key_id: str) -> DataKeyRecord:
        for item in self.data_keys:
            if item.data_key_id == data_key_id:
                return item
        raise KeyringRefused("unknown-data-key", "no data key with this id", data_key_id=data_key_id)

    def id_key(self, tenant: str) -> IdKeyRecord | None:
        """The tenant's current id key."""
        return next((item for item in self.id_keys if item.tenant == tenant and item.current), None)

    # making keys --------------------------------------------------------------------------------------------

    def generate(
        self, *, key: Callable[[int], KeyRecord], data_key: DataKey, who: str, why: str, at: int
    ) -> Keyring:
        """R1: a new key in pre-activation with a data key of its own. One rotation at a time."""
        if self.pending is not None:
            raise KeyringRefused("rotation-under-way", "a key is already in pre-activation")
        epoch = 1 + max([self.marks.epoch, *(item.epoch for item in self.keys)])
        record = key(epoch)
        born = Transition(record.key_id, "", KeyState.PRE_ACTIVATION, who, why, at)
        return replace(
            self,
            keys=(*self.keys, record),
            data_keys=(*self.data_keys, DataKeyRecord(record.data_key_id, epoch, data_key)),
            transitions=(*self.transitions, born),
            marks=replace(self.marks, epoch=epoch),
        )

    def import_keys(self, keys: tuple[KeyRecord, ...], *, who: str, why: str, at: int) -> Keyring:
        """Keys that arrived in a transfer: born deactivated, or compromised. They open and never seal."""
        known = {item.key_id for item in self.keys}
        fresh = tuple(item for item in keys if item.key_id not in known)
        born = tuple(Transition(item.key_id, "", item.state, who, why, at) for item in fresh)
        top = max([self.marks.epoch, *(item.epoch for item in fresh)])
        return replace(
            self,
            keys=(*self.keys, *fresh),
            transitions=(*self.transitions, *born),
            marks=replace(self.marks, epoch=top),
            # a unit that has a key of its own goes on sealing under it; any other makes one first
            must_rotate=self.must_rotate or self.active is None,
        )

    def add_data_keys(self, records: tuple[DataKeyRecord, ...]) -> Keyring:
        """Data keys of a restored image: they open only, being of no active key."""
        known = {item.data_key_id: item.secret for item in self.data_keys}
        for item in records:
            if item.data_key_id in known and known[item.data_key_id] != item.secret:
                raise KeyringRefused(
                    "data-key-differs", "another data key has this id", data_key_id=item.data_key_id
                )
        fresh = tuple(item for item in records if item.data_key_id not in known)
        return replace(self, data_keys=(*self.data_keys, *fresh)) if fresh else self

    def add_id_keys(self, records: tuple[IdKeyRecord, ...]) -> Keyring:
        """Id keys made here or restored; a current one among them takes its tenant over."""
        known = {item.id_key_id: item.secret for item in self.id_keys}
        for item in records:
            if item.id_key_id in known and known[item.id_key_id] != item.secret:
                raise KeyringRefused("id-key-differs", "another id key has this id", id_key_id=item.id_key_id)
        taken = {item.tenant for item in records if item.current}
        arriving = {item.id_key_id for item in records}
        stay = tuple(
            replace(item, current=item.current and item.tenant not in taken)
            for item in self.id_keys
            if item.id_key_id not in arriving
        )
        return replace(self, id_keys=(*stay, *records))

    # states -------------------------------------------------------------------------------------------------

    def amend(self, key_id: str, **changes: object) -> Keyring:
        """Facts about a key other than its state: values, receipts, downloaded, proof."""
        allowed = {"values", "receipts", "downloaded", "proof"}
        assert set(changes) <= allowed, changes
        return self._with_key(replace(self.usable(key_id), **changes))  # type: ignore[arg-type]

    def activate(self, key_id: str, *, who: str, why: str, at: int) -> Keyring:
        """R6. Raises unless the value is durable and proven or waived; deactivates the former active key."""
        key = self.usable(key_id)
        if key.state is KeyState.ACTIVE:
            return self
        if key.origin != "generated":
            raise KeyringRefused("imported-key", "an imported key opens and never seals", key_id=key_id)
        if not key.durable:
            raise KeyringRefused("value-not-durable", "nobody else is known to hold the value", key_id=key_id)
        if key.proof is None:
            raise KeyringRefused(
                "value-not-proven", "the value was neither drilled nor waived", key_id=key_id
            )
        ring = self
        former = self.active
        if former is not None:
            ring = ring.move(former.key_id, KeyState.DEACTIVATED, who=who, why=f"succeeded: {why}", at=at)
        ring = ring.move(key_id, KeyState.ACTIVE, who=who, why=why, at=at)
        return replace(ring, must_rotate=False)

    def move(self, key_id: str, to: KeyState, *, who: str, why: str, at: int) -> Keyring:
        """Take one arrow and write it down. Destroying drops the secret; a compromise asks for a rotation."""
        key = self.key(key_id)
        if to not in ARROWS[key.state]:
            raise KeyringRefused(
                "no-such-arrow", "this key cannot get there", key_id=key_id, old=key.state.value, new=to.value
            )
        changed = replace(key, state=to, secret=None if to is KeyState.DESTROYED else key.secret)
        ring = self._with_key(changed)
        if to is KeyState.DESTROYED and key.state is KeyState.PRE_ACTIVATION:
            # set aside before it sealed anything: its data key has no content either
            ring = replace(
                ring, data_keys=tuple(d for d in ring.data_keys if d.data_key_id != key.data_key_id)
            )
        if to is KeyState.COMPROMISED:
            # who had K has the id keys wrapped beside it: new ids for what is sealed from now on
            ring = replace(
                ring,
                must_rotate=True,
                id_keys=tuple(replace(item, current=False) for item in ring.id_keys),
            )
        arrow = Transition(key.key_id, key.state.value, to, who, why, at)
        return replace(ring, transitions=(*ring.transitions, arrow))

    # nonces and marks ---------------------------------------------------------------------------------------

    def open_nonce(self, nonce: OpenNonce) -> Keyring:
        """Remember a nonce sent out; the oldest of the same use give way."""
        same_use = [item for item in self.open_nonces if item.use == nonce.use]
        others = [item for item in self.open_nonces if item.use != nonce.use]
        return replace(self, open_nonces=(*others, *same_use[-(MAX_OPEN_NONCES - 1) :], nonce))

    def consume_nonce(self, nonce: str, use: NonceUse) -> tuple[Keyring, OpenNonce]:
        """Take an answer to a nonce, once. `nonce-consumed` for a replay, `nonce-unknown` for another's."""
        if nonce in self.consumed:
            raise KeyringRefused("nonce-consumed", "this was used before")
        for item in self.open_nonces:
            if item.nonce == nonce and item.use == use:
                rest = tuple(other for other in self.open_nonces if other is not item)
                return replace(self, open_nonces=rest, consumed=(*self.consumed, item.nonce)), item
        raise KeyringRefused("nonce-unknown", "this unit did not ask for it")

    def raise_marks(self, *, clock: int = 0, authority_list: int = 0) -> Keyring:
        """Marks rise or stay."""
        marks = replace(
            self.marks,
            clock=max(self.marks.clock, clock),
            authority_list=max(self.marks.authority_list, authority_list),
        )
        return self if marks == self.marks else replace(self, marks=marks)

    # rules --------------------------------------------------------------------------------------------------

    def check(self) -> Keyring:
        """Raise `KeyringRefused` if a rule of keyring.md §4 does not hold; else itself."""
        _require(self.version >= 1 and bool(self.serial), "version")
        ids = [key.key_id for key in self.keys]
        _require(len(set(ids)) == len(ids), "key-id-twice")
        generated = [key.epoch for key in self.keys if key.origin == "generated"]
        _require(len(set(generated)) == len(generated), "epoch-twice")
        _require(all(0 < key.epoch <= self.marks.epoch for key in self.keys), "epoch-mark")
        active = [key for key in self.keys if key.state is KeyState.ACTIVE]
        _require(len(active) <= 1, "two-active")
        _require(all(key.origin == "generated" for key in active), "active-imported")
        _require(all(key.durable and key.proof is not None for key in active), "active-unproven")
        data_ids = [item.data_key_id for item in self.data_keys]
        _require(len(set(data_ids)) == len(data_ids), "data-key-id-twice")
        for key in self.keys:
            _require((key.secret is None) == (key.state is KeyState.DESTROYED), "secret-and-state")
            imported_alive = key.origin == "imported" and key.state in (
                KeyState.PRE_ACTIVATION,
                KeyState.ACTIVE,
            )
            _require(not imported_alive, "imported-state")
            seals = key.state in (KeyState.PRE_ACTIVATION, KeyState.ACTIVE)
            _require(not seals or key.data_key_id in data_ids, "no-data-key")
        tenants = [item.tenant for item in self.id_keys if item.current]
        _require(len(set(tenants)) == len(tenants), "two-id-keys")
        _require(
            not {item.nonce for item in self.open_nonces} & set(self.consumed), "nonce-open-and-consumed"
        )
        last = {item.key_id: item.new for item in self.transitions}
        _require(all(last.get(key.key_id) == key.state for key in self.keys), "transitions")
        return self

    def check_successor_of(self, former: Keyring) -> Keyring:
        """Raise if this could not follow `former`: version one higher, nothing fallen, nothing forgotten."""
        _require(self.version == former.version + 1 and self.serial == former.serial, "version")
        for mark in ("epoch", "clock", "authority_list"):
            _require(getattr(self.marks, mark) >= getattr(former.marks, mark), "mark-fell")
        _require(set(former.consumed) <= set(self.consumed), "nonce-forgotten")
        _require(self.transitions[: len(former.transitions)] == former.transitions, "transition-forgotten")
        _require({k.key_id for k in former.keys} <= {k.key_id for k in self.keys}, "key-forgotten")
        return self

    def _with_key(self, changed: KeyRecord) -> Keyring:
        return replace(
            self, keys=tuple(changed if key.key_id == changed.key_id else key for key in self.keys)
        )


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise KeyringRefused(reason, "a rule of the keyring does not hold")
