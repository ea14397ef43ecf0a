"""Vault slots: what does not open, and why; then what does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sealing.encoding import from_b64u
from sealing.errors import BindingRefused, CommitmentRefused, EncodingRefused, Misuse, Refused, SealRefused
from sealing.secret import SecretExposed
from sealing.vault import MAX_METADATA_BYTES, SoftwareVault, VaultGone, VaultRoot, read_metadata

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "vault.json").read_text(encoding="utf-8"))


class HeldRoot:
    """A root in memory; remembers that it was destroyed."""

    def __init__(self, raw: bytes = bytes(range(32))) -> None:
        self.raw: bytes | None = raw

    def read(self) -> VaultRoot:
        if self.raw is None:
            raise VaultGone("destroyed")
        return VaultRoot(self.raw)

    def destroy(self) -> None:
        self.raw = None


@pytest.fixture
def vault() -> SoftwareVault:
    return SoftwareVault(HeldRoot())


@pytest.mark.parametrize("case", VECTORS["faults"], ids=lambda case: case["name"])
def test_a_slot_with_one_fault_is_refused_by_its_layer(case: dict[str, str]) -> None:
    vault = SoftwareVault(HeldRoot(from_b64u(case["root"])))
    with pytest.raises(Refused) as caught:
        vault.open(case["slot"], from_b64u(case["file"]))
    assert caught.value.code == case["refused"]


def test_the_published_slot_opens() -> None:
    good = VECTORS["good"]
    vault = SoftwareVault(HeldRoot(from_b64u(good["root"])))
    secret, metadata = vault.open(good["slot"], from_b64u(good["file"]))
    assert (secret.decode(), metadata) == (good["secret"], good["metadata"])


def test_every_flipped_bit_of_a_slot_is_refused(vault: SoftwareVault) -> None:
    sealed = vault.seal("kem", b"secret", {"v": 1})
    accepted = 0
    for bit in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        try:
            vault.open("kem", bytes(altered))
        except Refused:
            continue
        accepted += 1
    assert accepted == 0


def test_every_truncation_of_a_slot_is_refused(vault: SoftwareVault) -> None:
    sealed = vault.seal("kem", b"secret", {"v": 1})
    for size in range(len(sealed)):
        with pytest.raises((EncodingRefused, SealRefused, CommitmentRefused)):
            vault.open("kem", sealed[:size])


def test_a_slot_under_another_name_or_root_does_not_open(vault: SoftwareVault) -> None:
    sealed = vault.seal("kem", b"secret", {"v": 1})
    with pytest.raises(BindingRefused):
        vault.open("identity", sealed)
    with pytest.raises(CommitmentRefused):
        SoftwareVault(HeldRoot(bytes(32))).open("kem", sealed)


@pytest.mark.parametrize("name", ["", "Kem", "a/b", "../kem", "a" * 33, "1st"])
def test_a_name_that_could_be_a_path_is_the_callers_mistake(vault: SoftwareVault, name: str) -> None:
    with pytest.raises(Misuse):
        vault.seal(name, b"secret", {})


def test_metadata_is_bounded_and_its_slot_member_is_the_vaults(vault: SoftwareVault) -> None:
    with pytest.raises(Misuse):
        vault.seal("kem", b"secret", {"slot": "identity"})
    with pytest.raises(Misuse):
        vault.seal("kem", b"secret", {"v": "x" * MAX_METADATA_BYTES})


def test_a_zeroised_vault_opens_nothing_and_says_so(vault: SoftwareVault) -> None:
    sealed = vault.seal("kem", b"secret", {"v": 1})
    for _ in range(2):
        vault.zeroise()
        for call in (lambda: vault.open("kem", sealed), lambda: vault.seal("kem", b"x", {})):
            with pytest.raises(VaultGone):
                call()
    assert vault.secrets() == ()


def test_a_vault_without_a_root_is_not_made() -> None:
    gone = HeldRoot()
    gone.destroy()
    with pytest.raises(VaultGone):
        SoftwareVault(gone)


def test_the_same_secret_sealed_twice_is_two_texts(vault: SoftwareVault) -> None:
    sealed = {vault.seal("kem", b"secret", {"v": 1}) for _ in range(50)}
    assert len(sealed) == 50
    assert all(vault.open("kem", text) == (b"secret", {"v": 1}) for text in sealed)
    assert all(read_metadata(text) == {"v": 1, "slot": "kem"} for text in sealed)


def test_a_vault_does_not_print(vault: SoftwareVault) -> None:
    for show in (repr, str, "{}".format):
        with pytest.raises(SecretExposed):
            show(vault)
