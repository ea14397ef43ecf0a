"""Verbs for the engine: keys that seal content, and the wrapping that an image's header carries."""

from __future__ import annotations

import re
from typing import Any, Final

from appliance.keys.errors import ImageUnreadable, MustRotate, NoActiveKey, RequestRefused
from sealing.backupkey import BackupKey, new_key_id
from sealing.encoding import b64u
from sealing.errors import CommitmentRefused, EncodingRefused, SealRefused
from sealing.kdf import derive
from sealing.keyring import DataKeyRecord, IdKeyRecord, KeyRecord, Keyring, KeyState
from sealing.labels import Label
from sealing.secret import DataKey, IdKey

from .epochs import backup_key
from .holder import Holder
from .verbs import Params, verb

DERIVE_STORE: Final = Label(b"strongroom store key v1")
MAX_DATA_KEYS: Final = 1024  # of one image: more epochs than a unit lives
MAX_TENANTS: Final = 1024
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")
_KEY_ID: Final = re.compile(r"[0-9a-f]{32}\Z")

# What is wrapped beside data keys has a name that no data key id can have, so none passes for another.
_ID_KEY: Final = "id-key."
_IMAGE_KEY: Final = "image-key."


@verb("data_keys")
def data_keys(holder: Holder, params: Params) -> dict[str, Any]:
    """Everything the engine seals and opens content with. Never a backup key."""
    params.end()
    known = holder.ring
    holder.commit(_with_current_id_keys(known, {item.tenant for item in known.id_keys}))
    ring = holder.ring
    active = _sealing_key(ring)
    return {
        "active": None
        if active is None
        else {"data_key_id": active.data_key_id, "epoch": active.epoch, "key_id": active.key_id},
        # the data key of a key in pre-activation stays here: nothing may be sealed under it yet
        "data_keys": {
            item.data_key_id: b64u(item.secret.reveal())
            for item in ring.data_keys
            if item.data_key_id not in _waiting(ring)
        },
        "id_keys": {
            tenant: [b64u(item.secret.reveal()) for item in _newest_first(ring, tenant)]
            for tenant in sorted({item.tenant for item in ring.id_keys})
        },
        "spool_private": b64u(ring.spool.reveal()),
        "store_key": b64u(derive(ring.store, DERIVE_STORE)),
    }


@verb("id_key")
def id_key(holder: Holder, params: Params) -> dict[str, Any]:
    """The current id key of a tenant, made when it is first asked for and after a compromise."""
    tenant = params.text("tenant")
    params.end()
    if not _TENANT.match(tenant):
        raise RequestRefused(parameter="tenant", reason="not a tenant's name")
    ring = holder.ring
    if ring.id_key(tenant) is None:
        if len({item.tenant for item in ring.id_keys}) >= MAX_TENANTS:
            raise RequestRefused(parameter="tenant", reason="too many tenants")
        holder.commit(_with_current_id_keys(ring, {tenant}))
    current = holder.ring.id_key(tenant)
    assert current is not None
    return {"key": b64u(current.secret.reveal())}


@verb("wrap_for_image")
def wrap_for_image(holder: Holder, params: Params) -> dict[str, Any]:
    """Wrap under the active key; a fresh image key comes with it."""
    wanted = params.texts("data_key_ids", most=MAX_DATA_KEYS)
    params.end()
    ring = holder.ring
    if ring.must_rotate:
        raise MustRotate(serial=ring.serial)
    active = _sealing_key(ring)
    if active is None or active.proof is None:
        raise NoActiveKey(serial=ring.serial)
    wrapping = backup_key(active)
    ids = sorted({*wanted, active.data_key_id} - {""})
    if _waiting(ring) & set(ids):
        raise RequestRefused(parameter="data_key_ids", reason="a data key that is not active yet")
    image_key, image_key_id = DataKey.generate(), new_key_id()
    return {
        "key_id": active.key_id,
        "epoch": active.epoch,
        "values": list(active.values),
        "wrapped": {
            "kind": active.kind,
            "commitment": active.commitment,
            "image_key": {
                "id": image_key_id,
                "wrapped": wrapping.wrap_data_key(_IMAGE_KEY + image_key_id, image_key),
            },
            "data_keys": {i: wrapping.wrap_data_key(i, ring.data_key(i).secret) for i in ids},
            "id_keys": [
                {
                    "id": item.id_key_id,
                    "tenant": item.tenant,
                    "current": item.current,
                    "wrapped": wrapping.wrap_data_key(
                        _ID_KEY + item.id_key_id, DataKey(item.secret.reveal())
                    ),
                }
                for item in ring.id_keys
            ],
        },
        "proof": {
            "by": active.proof.how,
            "at": active.proof.at,
            "detail": active.proof.detail if active.proof.how == "drilled" else "",
        },
        "image_key_id": image_key_id,
        "image_key": b64u(image_key.reveal()),
    }


@verb("unwrap_image")
def unwrap_image(holder: Holder, params: Params) -> dict[str, Any]:
    """Open what an image's header carries, with any key of this unit that is not destroyed."""
    key_id, wrapped, adopt = params.key_id(), Params(params.mapping("wrapped")), params.flag("adopt")
    params.end()
    ring = holder.ring
    key = next((item for item in ring.keys if item.key_id == key_id), None)
    if key is None or key.secret is None:
        reason = "no key with this id" if key is None else "the key was destroyed"
        raise ImageUnreadable(key_id=key_id, reason=reason)
    opening = backup_key(key)
    try:
        image_key_id, image_key, found, named = _unwrap(opening, key, wrapped)
    except (CommitmentRefused, SealRefused, EncodingRefused) as error:
        raise ImageUnreadable(key_id=key_id, reason=error.code) from error
    if adopt:
        # of a compromised key the ids are known to others: they recheck old content and make no new ids
        records = tuple(
            IdKeyRecord(i.id_key_id, i.tenant, i.secret, i.current and key.state is not KeyState.COMPROMISED)
            for i in named
        )
        data = tuple(DataKeyRecord(i, key.epoch, secret) for i, secret in found.items())
        holder.commit(ring.add_data_keys(data).add_id_keys(records))
    tenants = sorted({item.tenant for item in named})
    return {
        "image_key_id": image_key_id,
        "image_key": b64u(image_key.reveal()),
        "data_keys": {i: b64u(secret.reveal()) for i, secret in found.items()},
        "id_keys": {
            tenant: [
                b64u(item.secret.reveal())
                for item in sorted(named, key=lambda item: not item.current)
                if item.tenant == tenant
            ]
            for tenant in tenants
        },
    }


def _unwrap(
    opening: BackupKey, key: KeyRecord, wrapped: Params
) -> tuple[str, DataKey, dict[str, DataKey], list[IdKeyRecord]]:
    if (wrapped.text("kind"), wrapped.text("commitment")) != (key.kind, key.commitment):
        raise CommitmentRefused("another-key", "wrapped under another key of this id")
    image = Params(wrapped.mapping("image_key"))
    image_key_id = image.key_id("id")
    image_key = opening.unwrap_data_key(_IMAGE_KEY + image_key_id, image.text("wrapped", most=4096))
    image.end()
    data = wrapped.mapping("data_keys")
    if len(data) > MAX_DATA_KEYS or not all(_KEY_ID.match(i) and isinstance(t, str) for i, t in data.items()):
        raise RequestRefused(parameter="data_keys", reason="not wrapped data keys by id")
    found = {i: opening.unwrap_data_key(i, text) for i, text in data.items()}
    named = []
    for entry in wrapped.mappings("id_keys", most=MAX_DATA_KEYS):
        item = Params(entry)
        item_id, tenant, current = item.key_id("id"), item.text("tenant"), item.flag("current")
        opened = opening.unwrap_data_key(_ID_KEY + item_id, item.text("wrapped", most=4096))
        item.end()
        if not _TENANT.match(tenant):
            raise RequestRefused(parameter="tenant", reason="not a tenant's name")
        named.append(IdKeyRecord(item_id, tenant, IdKey(opened.reveal()), current))
    wrapped.end()
    return image_key_id, image_key, found, named


def _sealing_key(ring: Keyring) -> KeyRecord | None:
    return None if ring.must_rotate else ring.active


def _waiting(ring: Keyring) -> set[str]:
    return {key.data_key_id for key in ring.keys if key.state is KeyState.PRE_ACTIVATION}


def _newest_first(ring: Keyring, tenant: str) -> list[IdKeyRecord]:
    mine = [item for item in ring.id_keys if item.tenant == tenant]
    return [item for item in mine if item.current] + [item for item in reversed(mine) if not item.current]


def _with_current_id_keys(ring: Keyring, tenants: set[str]) -> Keyring:
    """A compromise leaves no id key current; the next use of the tenant makes a fresh one."""
    missing = sorted(tenant for tenant in tenants if ring.id_key(tenant) is None)
    if not missing:
        return ring
    return ring.add_id_keys(
        tuple(IdKeyRecord(new_key_id(), tenant, IdKey.generate(), current=True) for tenant in missing)
    )
