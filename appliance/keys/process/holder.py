"""The state of the key process: vault, identity, keyring. Every change of the keyring goes through `commit`.

In memory stands what the disk has, never more: a new keyring is sealed, renamed into place and flushed first.
If that fails in the middle, the disk decides what is true, and the state is read again from it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import Final

from appliance.keys.errors import NotInitialised, StorageFailed, Tampered, VaultDamaged
from sealing.ecdsa import SigningKey
from sealing.encoding import Thumbprint, from_b64u, thumbprint_of
from sealing.errors import SealingError
from sealing.hpke import KemPrivateKey
from sealing.identity import UnitCertificate
from sealing.jose import KeySigner
from sealing.keyring import Keyring
from sealing.keyring_file import open_keyring, seal_keyring
from sealing.secret import KemSeed, SecretBytes, Unprintable
from sealing.trust import Trust
from sealing.vault import SoftwareVault, VaultGone

from .storage import KeyFiles

IDENTITY_SLOT: Final = "identity"
KEM_SLOT: Final = "kem"


class Holder(Unprintable):
    """All that the key process holds. Verbs run one at a time under `lock`."""

    def __init__(self, site: Path) -> None:
        self.site: Final = site
        self.files: Final = KeyFiles(site)
        self.lock: Final = RLock()
        self._vault: SoftwareVault | None = None
        self._ring: Keyring | None = None
        self._identity: SigningKey | None = None
        self._kem: KemPrivateKey | None = None

    # loading ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Read everything from disk. A latch finishes its work first: nothing is opened beside it."""
        self.files.prepare()
        self.files.lock()
        self.load()

    def load(self) -> None:
        """State from disk, whatever was in memory."""
        self._vault = self._ring = self._identity = self._kem = None
        if self.files.is_latched():
            self.files.root.destroy()
            return
        if not self.files.root.exists():
            if self.files.keyring_versions():
                raise VaultDamaged(part="root")
            return
        try:
            self._vault = SoftwareVault(self.files.root)
            self._load_identity(self._vault)
            self._load_ring(self._vault)
        except (SealingError, VaultGone) as error:
            raise VaultDamaged(part=getattr(error, "code", type(error).__name__)) from error

    def _load_identity(self, vault: SoftwareVault) -> None:
        sealed, sealed_kem = self.files.read_slot(IDENTITY_SLOT), self.files.read_slot(KEM_SLOT)
        if sealed is None or sealed_kem is None:
            return
        scalar, _ = vault.open(IDENTITY_SLOT, sealed)
        seed, _ = vault.open(KEM_SLOT, sealed_kem)
        self._identity = SigningKey.from_secret(SecretBytes(scalar))
        self._kem = KemPrivateKey(KemSeed(seed))

    def _load_ring(self, vault: SoftwareVault) -> None:
        versions = self.files.keyring_versions()
        if not versions:
            return
        # Only the highest counts. An older one is never taken silently: it would forget consumed nonces.
        self._ring = open_keyring(vault, self.files.read_keyring(versions[0]), version=versions[0])
        # the pinned certificate is of the key that the vault opened, and still holds under the pinned list
        if self._identity is None or self.certificate.key != self._identity.public:
            raise VaultDamaged(part="identity")

    # reading ------------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """empty, begun, ready or tampered."""
        if self.files.is_latched():
            return "tampered"
        if self._ring is not None:
            return "ready"
        return "begun" if self._identity is not None else "empty"

    @property
    def vault(self) -> SoftwareVault:
        """The vault, its root made on first use."""
        self.refuse_if_tampered()
        if self._vault is None:
            self.files.root.create()
            self._vault = SoftwareVault(self.files.root)
        return self._vault

    @property
    def ring(self) -> Keyring:
        self.refuse_if_tampered()
        if self._ring is None:
            raise NotInitialised(state=self.state)
        return self._ring

    @property
    def identity(self) -> SigningKey:
        self.refuse_if_tampered()
        if self._identity is None:
            raise NotInitialised(state=self.state)
        return self._identity

    @property
    def kem(self) -> KemPrivateKey:
        self.refuse_if_tampered()
        if self._kem is None:
            raise NotInitialised(state=self.state)
        return self._kem

    @property
    def signer(self) -> KeySigner:
        """Signs as this unit, with its certificate chain."""
        return KeySigner(self.identity, kid=self.thumbprint, chain=self.chain)

    @property
    def chain(self) -> tuple[bytes, ...]:
        return tuple(from_b64u(der) for der in self.ring.pins.chain)

    @property
    def thumbprint(self) -> Thumbprint:
        """Of the unit's certificate: what names this unit."""
        return thumbprint_of(self.chain[0])

    @property
    def trust(self) -> Trust:
        """What this unit believes: the pinned root and the newest authority list it has seen."""
        return Trust(from_b64u(self.ring.pins.root), self.ring.authority_list)

    @property
    def certificate(self) -> UnitCertificate:
        """This unit's identity."""
        return self.trust.unit(self.chain)

    def now(self) -> int:
        """Seconds since 1970 by this machine's clock: for stamps."""
        return int(time.time())

    def now_for_expiry(self) -> int:
        """As `now`, but never before a time that the manufacturer signed: for deciding whether time is up.

        The mark rises by signed times only. If it rose by this machine's clock, one start with a wrong year
        would let everything expire for good.
        """
        return max(self.now(), self.ring.marks.clock)

    def refuse_if_tampered(self) -> None:
        if self.files.is_latched():
            raise Tampered()

    # changing -----------------------------------------------------------------------------------------------

    def commit(self, ring: Keyring) -> None:
        """Make `ring` the keyring, durably, or raise and leave the state to what the disk has."""
        with self._storing():
            former = self.ring
            if ring is former:
                return
            now = self.now()
            following = replace(ring, version=former.version + 1)
            following.check().check_successor_of(former)
            self.files.write_keyring(following.version, seal_keyring(self.vault, following, at=now))
            self._ring = following

    def forget_older_versions(self) -> None:
        """After a destruction: no kept version may still hold the key. Idempotent."""
        with self._storing():
            self.files.drop_keyrings_before(self.ring.version)

    def create_ring(self, ring: Keyring) -> None:
        """The first keyring: with it the unit is initialised."""
        with self._storing():
            self.files.write_keyring(ring.version, seal_keyring(self.vault, ring, at=self.now()))
            self._ring = ring

    def create_identity(self, identity: SigningKey, kem: KemPrivateKey, *, serial: str, model: str) -> None:
        """Store a fresh identity. The KEM slot first: both are there only when the second is."""
        with self._storing():
            about = {"v": 1, "serial": serial, "model": model}
            kem_slot = self.vault.seal(KEM_SLOT, kem.seed().reveal(), about)
            self.files.write_slot(KEM_SLOT, kem_slot)
            scalar = identity.to_secret().reveal()
            self.files.write_slot(IDENTITY_SLOT, self.vault.seal(IDENTITY_SLOT, scalar, about))
            self._identity, self._kem = identity, kem

    def identity_metadata(self) -> dict[str, str]:
        """Serial and model that the identity was begun with."""
        sealed = self.files.read_slot(IDENTITY_SLOT)
        if sealed is None:
            raise NotInitialised(state=self.state)
        _, about = self.vault.open(IDENTITY_SLOT, sealed)
        return {"serial": str(about["serial"]), "model": str(about["model"])}

    def destroy(self, reason: str) -> None:
        """Latch first, then the root. Whatever happens between, the next start finishes it."""
        self.files.set_latch(reason)
        self._ring = self._identity = self._kem = None
        vault, self._vault = self._vault, None
        if vault is not None:
            vault.zeroise()
        self.files.root.destroy()

    @contextlib.contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # A rename may have happened although its flush failed: the disk is asked what is true now.
            with contextlib.suppress(OSError, VaultDamaged):
                self.load()
            raise StorageFailed(reason=error.strerror or type(error).__name__) from error

    # the holder's own secrets -------------------------------------------------------------------------------

    def secrets_by_kind(self) -> dict[str, list[bytes]]:
        """Everything held, for the scan verb; never sent anywhere."""
        found: dict[str, list[bytes]] = {
            "backup-key": [],
            "data-key": [],
            "id-key": [],
            "identity": [],
            "kem": [],
            "spool": [],
            "store": [],
            "vault-root": [],
        }
        if self._vault is not None:
            found["vault-root"] = [root.reveal() for root in self._vault.secrets()]
        if self._identity is not None and self._kem is not None:
            found["identity"] = [self._identity.to_secret().reveal()]
            found["kem"] = [self._kem.seed().reveal()]
        if self._ring is not None:
            ring = self._ring
            found["backup-key"] = [key.secret.reveal() for key in ring.keys if key.secret is not None]
            found["data-key"] = [item.secret.reveal() for item in ring.data_keys]
            found["id-key"] = [item.secret.reveal() for item in ring.id_keys]
            found["spool"] = [ring.spool.reveal()]
            found["store"] = [ring.store.reveal()]
        return found
