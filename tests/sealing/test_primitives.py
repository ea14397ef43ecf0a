"""AEAD, envelope, HPKE, OAEP, ECDSA and backup keys: refusals, then what works."""

from __future__ import annotations

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from hypothesis import given
from hypothesis import strategies as st

from sealing import hpke
from sealing.aead import TAG_BYTES, ZERO_NONCE, Aead, counter_nonce
from sealing.backupkey import KINDS, BackupKey, Kind
from sealing.ecdsa import SigningKey, VerifyKey
from sealing.envelope import OVERHEAD_BYTES, open_under, seal_under
from sealing.errors import (
    ChainRefused,
    CommitmentRefused,
    EncodingRefused,
    Misuse,
    SealRefused,
    SignatureRefused,
    SuiteUnavailable,
)
from sealing.hpke import KemPrivateKey, KemPublicKey, require_suite
from sealing.kdf import derive, mac
from sealing.labels import Label
from sealing.oaep import OaepPrivateKey, OaepPublicKey
from sealing.secret import DataKey, IdKey, KemSeed, Key256, SecretBytes

LABEL, OTHER = Label(b"strongroom test v1"), Label(b"strongroom test v2")


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


# --- AEAD ---------------------------------------------------------------------------------------------------


def test_gcm_refuses_other_nonces_keys_and_buffers_as_misuse() -> None:
    aead = Aead(Key256.generate())
    with pytest.raises(Misuse):
        aead.seal(b"short", b"", b"")
    with pytest.raises(Misuse):
        aead.encrypt_into(ZERO_NONCE, b"abc", b"", bytearray(3 + TAG_BYTES - 1))
    with pytest.raises(Misuse):
        aead.decrypt_into(ZERO_NONCE, bytes(20), b"", bytearray(5))
    with pytest.raises(Misuse):
        Aead(SecretBytes(bytes(16)))
    for counter in (-1, 2**32):
        with pytest.raises(Misuse):
            counter_nonce(counter)


def test_gcm_refuses_another_key_nonce_context_and_less_than_a_tag() -> None:
    key = Key256.generate()
    sealed = Aead(key).seal(ZERO_NONCE, b"text", b"context")
    for aead, nonce, data, context in [
        (Aead(Key256.generate()), ZERO_NONCE, sealed, b"context"),
        (Aead(key), counter_nonce(1), sealed, b"context"),
        (Aead(key), ZERO_NONCE, sealed, b"contexx"),
        (Aead(key), ZERO_NONCE, sealed[:-1], b"context"),
        (Aead(key), ZERO_NONCE, sealed[:10], b"context"),
        (Aead(key), ZERO_NONCE, b"", b"context"),
    ]:
        with pytest.raises(SealRefused):
            aead.open(nonce, data, context)
    with pytest.raises(SealRefused):
        Aead(key).decrypt_into(ZERO_NONCE, b"", b"context", bytearray())


def test_gcm_into_a_buffer_is_gcm() -> None:
    aead = Aead(Key256.generate())
    buffer = bytearray(100)
    written = aead.encrypt_into(counter_nonce(7), b"text", b"", memoryview(buffer)[10 : 14 + TAG_BYTES])
    sealed = bytes(buffer[10 : 10 + written])
    assert aead.open(counter_nonce(7), sealed, b"") == b"text"
    clear = bytearray(4)
    assert aead.decrypt_into(counter_nonce(7), sealed, b"", clear) == 4
    assert clear == b"text"


# --- envelope -----------------------------------------------------------------------------------------------


def test_an_envelope_tells_a_wrong_key_from_damage() -> None:
    key = Key256.generate()
    sealed = seal_under(key, LABEL, b"record", b"a", b"b")
    with pytest.raises(CommitmentRefused):
        open_under(Key256.generate(), LABEL, sealed, b"a", b"b")
    with pytest.raises(CommitmentRefused):
        open_under(key, OTHER, sealed, b"a", b"b")
    with pytest.raises(SealRefused):
        open_under(key, LABEL, flip(sealed, len(sealed) * 8 - 1), b"a", b"b")
    with pytest.raises(SealRefused):
        open_under(key, LABEL, sealed, b"ab", b"")
    with pytest.raises(SealRefused):
        open_under(key, LABEL, sealed[: OVERHEAD_BYTES - 1], b"a", b"b")


def test_no_flipped_bit_of_an_envelope_is_accepted() -> None:
    key = Key256.generate()
    sealed = seal_under(key, LABEL, b"record")
    for bit in range(len(sealed) * 8):
        with pytest.raises((SealRefused, CommitmentRefused)):
            open_under(key, LABEL, flip(sealed, bit))


@given(st.binary(max_size=200), st.lists(st.binary(max_size=10), max_size=3))
def test_an_envelope_gives_back_what_went_in(clear: bytes, aad: list[bytes]) -> None:
    key = Key256.generate()
    assert open_under(key, LABEL, seal_under(key, LABEL, clear, *aad), *aad) == clear


def test_two_envelopes_of_one_record_share_nothing() -> None:
    key = Key256.generate()
    first, second = seal_under(key, LABEL, bytes(64)), seal_under(key, LABEL, bytes(64))
    assert not {first[i : i + 8] for i in range(0, len(first), 8)} & {
        second[i : i + 8] for i in range(0, len(second), 8)
    }


# --- derivations --------------------------------------------------------------------------------------------


def test_derivations_differ_by_label_context_salt_and_key() -> None:
    key = Key256.generate()
    made = [
        derive(key, LABEL),
        derive(key, OTHER),
        derive(key, LABEL, b"a"),
        derive(key, LABEL, b"", b"a"),
        derive(key, LABEL, salt=bytes(32)),
        derive(key, LABEL, salt=bytes([1] * 32)),
        derive(Key256.generate(), LABEL),
        mac(key, LABEL),
        mac(key, LABEL, b"a"),
    ]
    # HMAC pads its key with zeros, so "no salt" and 32 zero bytes are the same salt (RFC 5869 §2.2).
    assert len(set(made)) == len(made) - 1
    assert made[0] == made[4]


def test_a_short_secret_or_a_bad_label_is_misuse() -> None:
    with pytest.raises(Misuse):
        derive(SecretBytes(b"passphrase"), LABEL)
    for bad in (b"", b"with\0nul", "ä".encode()):
        with pytest.raises(Misuse):
            derive(Key256.generate(), Label(bad))


# --- HPKE ---------------------------------------------------------------------------------------------------


def test_a_machine_without_the_suite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_seed: KemSeed) -> KemPrivateKey:
        raise UnsupportedAlgorithm("no ML-KEM here")

    monkeypatch.setattr(hpke, "KemPrivateKey", missing)
    with pytest.raises(SuiteUnavailable):
        require_suite()


def test_a_library_that_computes_wrongly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hpke.KemPrivateKey, "open", lambda *_: b"wrong")
    with pytest.raises(SuiteUnavailable):
        require_suite()


def test_the_suite_is_here() -> None:
    require_suite()


@pytest.mark.parametrize("length", [0, 32, 1184, 1215, 1217])
def test_a_public_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ChainRefused):
        KemPublicKey.from_bytes(bytes(length))


# RFC 7748 §6.1 and the list at https://cr.yp.to/ecdh.html#validate: points whose shared secret is zero.
LOW_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@pytest.mark.parametrize("point", LOW_ORDER)
def test_a_low_order_point_is_refused(point: str) -> None:
    good = KemPrivateKey.generate().public.raw
    with pytest.raises(ChainRefused):
        KemPublicKey.from_bytes(good[:1184] + bytes.fromhex(point))


def test_hpke_without_context_is_misuse() -> None:
    pair = KemPrivateKey.generate()
    with pytest.raises(Misuse):
        pair.public.seal(b"x", b"")
    with pytest.raises(Misuse):
        pair.open(b"x", b"")


def test_hpke_opens_with_the_right_key_and_context_only() -> None:
    pair = KemPrivateKey.generate()
    sealed = pair.public.seal(Key256(bytes(32)), b"info")
    assert pair.open(sealed, b"info") == bytes(32)
    assert KemPrivateKey(pair.seed()).open(sealed, b"info") == bytes(32)
    for private, info in [(KemPrivateKey.generate(), b"info"), (pair, b"inf")]:
        with pytest.raises(SealRefused):
            private.open(sealed, info)


# --- RSA-OAEP -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rsa_pair() -> OaepPrivateKey:
    return OaepPrivateKey.generate()


def test_weak_and_misspelled_rsa_keys_are_refused(rsa_pair: OaepPrivateKey) -> None:
    with pytest.raises(ChainRefused):
        OaepPrivateKey.generate(2048)
    for raw in (b"", rsa_pair.public.raw + b"\0", rsa_pair.public.raw[:-1], SigningKey.generate().public.raw):
        with pytest.raises(ChainRefused):
            OaepPublicKey.from_bytes(raw)


def test_a_key_of_an_unknown_algorithm_is_refused_as_any_other(rsa_pair: OaepPrivateKey) -> None:
    unknown = rsa_pair.public.raw.replace(
        bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d01017f")
    )
    with pytest.raises(ChainRefused):
        OaepPublicKey.from_bytes(unknown)


def test_rsa_seals_32_bytes_bound_to_their_context(rsa_pair: OaepPrivateKey) -> None:
    with pytest.raises(Misuse):
        rsa_pair.public.seal(b"short", b"info")
    sealed = OaepPublicKey.from_bytes(rsa_pair.public.raw).seal(bytes(32), b"info")
    assert OaepPrivateKey.from_secret(rsa_pair.to_secret()).open(sealed, b"info") == bytes(32)
    for data, info in [
        (sealed, b"other"),
        (flip(sealed, 9), b"info"),
        (sealed[:-1], b"info"),
        (b"", b"info"),
    ]:
        with pytest.raises(SealRefused):
            rsa_pair.open(data, info)


# --- ECDSA --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw", [b"", bytes(97), b"\x04" + bytes(96), b"\x02" + bytes(48), b"\x04" + bytes(97)]
)
def test_what_is_no_point_is_refused(raw: bytes) -> None:
    with pytest.raises(ChainRefused):
        VerifyKey.from_bytes(raw)


@pytest.mark.parametrize("scalar", [bytes(48), b"\xff" * 48])
def test_what_is_no_scalar_is_refused(scalar: bytes) -> None:
    with pytest.raises(ChainRefused):
        SigningKey.from_secret(SecretBytes(scalar))


def test_a_key_signs_the_same_after_storing() -> None:
    key = SigningKey.generate()
    again = SigningKey.from_secret(key.to_secret())
    key.public.verify(b"message", again.sign(b"message"))
    for message, signature in [(b"massage", key.sign(b"message")), (b"message", key.sign(b"message")[:-1])]:
        with pytest.raises(SignatureRefused):
            key.public.verify(message, signature)


# --- backup keys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrapped_key_opens_under_its_own_key_name_and_purpose_only(kind: Kind) -> None:
    key, data_key = BackupKey.generate(1, kind), DataKey.generate()
    wrapped = key.wrap_data_key("d" * 32, data_key)
    assert key.unwrap_data_key("d" * 32, wrapped) == data_key
    others = [
        (BackupKey.generate(1, kind), "d" * 32),
        (BackupKey(key.key_id, 2, kind, key.secret), "d" * 32),
        (key, "e" * 32),
    ]
    for other, name in others:
        with pytest.raises((SealRefused, CommitmentRefused)):
            other.unwrap_data_key(name, wrapped)
    with pytest.raises(SealRefused):
        key.unwrap_id_key("d" * 32, wrapped)
    id_key = IdKey.generate()
    assert key.unwrap_id_key("f" * 32, key.wrap_id_key("f" * 32, id_key)) == id_key


def test_a_commitment_binds_key_name_epoch_and_kind() -> None:
    key = BackupKey.generate(1)
    others = [
        BackupKey("0" * 32, 1, "symmetric", key.secret),
        BackupKey(key.key_id, 2, "symmetric", key.secret),
        BackupKey(key.key_id, 1, "hybrid", key.secret),
        BackupKey(key.key_id, 1, "symmetric", Key256.generate()),
    ]
    for other in others:
        with pytest.raises(CommitmentRefused):
            other.check_commitment(key.commitment)
    BackupKey(key.key_id, 1, "symmetric", key.secret).check_commitment(key.commitment)


def test_a_pair_has_a_public_half_and_a_symmetric_key_has_none() -> None:
    assert BackupKey.generate(1, "hybrid").public is not None
    assert BackupKey.generate(1).public is None
    with pytest.raises(Misuse):
        BackupKey("a" * 32, 1, "asymmetric", Key256.generate())


@pytest.mark.parametrize("wrapped", ["", "AA", "not base64!", "A" * 200])
def test_a_mangled_wrapping_is_refused(wrapped: str) -> None:
    with pytest.raises((SealRefused, EncodingRefused, CommitmentRefused)):
        BackupKey.generate(1).unwrap_data_key("d" * 32, wrapped)
