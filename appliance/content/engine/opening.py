"""Opening the store of this site with the keys that the key process gives the engine."""

from __future__ import annotations

from pathlib import Path

from appliance.content import TENANT
from appliance.content.engine.store import Store
from appliance.keys.client import EngineKeys, KeyProcess
from config.site import site
from sealing.content.keys import HeldKeys, SealingKey
from sealing.hpke import KemPrivateKey

_WAIT_SECONDS = 20.0  # for a writer that is just ending


def engine_keys() -> EngineKeys:
    """What the engine may hold now. Asked anew for each job: a rotation takes effect with the next one."""
    client = KeyProcess(site().keys_socket)
    keys = client.data_keys()
    if TENANT not in keys.id_keys and keys.active is not None:
        client.id_key(TENANT)  # made on first use
        keys = client.data_keys()
    return keys


def content_keys(keys: EngineKeys) -> HeldKeys:
    """The same, as the store wants them."""
    active = None if keys.active is None else SealingKey(keys.active.data_key_id, keys.active.key)
    return HeldKeys(active, keys.data_keys, keys.id_keys)


def open_store(keys: EngineKeys | None = None, *, writing: bool = True, root: Path | None = None) -> Store:
    """The site's store: as its one writer, or (`writing=False`) to read beside it."""
    keys = keys or engine_keys()
    where = root or site().store
    if writing:
        return Store.open(where, keys=content_keys(keys), index_key=keys.store_key, timeout=_WAIT_SECONDS)
    return Store.reading(where, keys=content_keys(keys), index_key=keys.store_key)


def spool_private(keys: EngineKeys) -> KemPrivateKey:
    """The private half of the key that the web tier seals uploads to."""
    return KemPrivateKey(keys.spool_private)
