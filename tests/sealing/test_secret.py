"""Secrets refuse every way of showing themselves by accident."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder

from sealing.aead import Aead
from sealing.backupkey import BackupKey
from sealing.ecdsa import SigningKey
from sealing.errors import Misuse, SealingError
from sealing.hpke import KemPrivateKey
from sealing.oaep import OaepPrivateKey
from sealing.passphrase import Passphrase
from sealing.secret import DataKey, IdKey, Key256, SecretBytes, SecretExposed

MATERIAL = b"canary-canary-canary-canary-0123"


@dataclass
class Holder:
    key: Key256


SHOWING: dict[str, Callable[[Any], Any]] = {
    "repr": repr,
    "str": str,
    "format": lambda secret: f"{secret}",
    "format with a width": lambda secret: f"{secret:>40}",
    "percent": lambda secret: "%s" % secret,  # noqa: UP031
    "percent r": lambda secret: "%r" % secret,  # noqa: UP031
    "str.format": lambda secret: "{!r}".format(secret),  # noqa: UP032
    "ascii": ascii,
    "repr of a list": lambda secret: repr([secret]),
    "repr of a dataclass": lambda secret: repr(Holder(secret)),
    "pickle": pickle.dumps,
    "pickle, oldest": lambda secret: pickle.dumps(secret, protocol=0),
    "copy": copy.copy,
    "deep copy": copy.deepcopy,
    "dataclass as dict": lambda secret: asdict(Holder(secret)),
    "json": json.dumps,
    "json of django": lambda secret: json.dumps({"key": secret}, cls=DjangoJSONEncoder),
    "exception text": lambda secret: str(ValueError(secret)),
}
OF_BYTES: dict[str, Callable[[Any], Any]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "list": list,
    "join": lambda secret: b"".join(secret),
    "hash": hash,
    "dictionary key": lambda secret: {secret: 1},
    "index": lambda secret: secret[0],
    "int": int,
    "hex": hex,
    "memoryview": memoryview,
    "addition": lambda secret: b"" + secret,
}


@pytest.mark.parametrize("show", SHOWING.values(), ids=SHOWING.keys())
def test_a_secret_refuses_to_be_shown_copied_or_serialised(show: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError) as refused:
        show(Key256(MATERIAL))
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("use", OF_BYTES.values(), ids=OF_BYTES.keys())
def test_a_secret_is_not_taken_for_bytes(use: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError) as refused:
        use(Key256(MATERIAL))
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "holder",
    [
        BackupKey("a" * 32, 1, "symmetric", Key256(MATERIAL)),
        Aead(Key256(MATERIAL)),
        KemPrivateKey(Key256(MATERIAL)),
        SigningKey.generate(),
        Passphrase.of("canary canary canary"),
    ],
    ids=lambda holder: type(holder).__name__,
)
@pytest.mark.parametrize("show", SHOWING.values(), ids=SHOWING.keys())
def test_a_holder_of_secrets_refuses_too(holder: object, show: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        show(holder)


def test_an_rsa_key_refuses_too() -> None:
    with pytest.raises(SecretExposed):
        repr(OaepPrivateKey.generate())


def test_a_log_line_about_a_secret_is_never_formatted() -> None:
    record = logging.LogRecord("test", logging.INFO, "file", 1, "key is %s", (Key256(MATERIAL),), None)
    with pytest.raises(SecretExposed):
        logging.Formatter().format(record)


def test_a_secret_of_another_length_is_refused() -> None:
    for wrong in (b"", MATERIAL[:31], MATERIAL + b"x"):
        with pytest.raises(Misuse):
            Key256(wrong)


def test_text_is_no_secret() -> None:
    with pytest.raises(Misuse):
        SecretBytes("text")  # type: ignore[arg-type]


def test_secrets_of_different_purposes_are_never_equal() -> None:
    assert DataKey(MATERIAL) != IdKey(MATERIAL)
    assert Key256(MATERIAL) != MATERIAL


def test_equal_secrets_of_one_purpose_are_equal_and_reveal_their_bytes() -> None:
    assert DataKey(MATERIAL) == DataKey(bytearray(MATERIAL))
    assert DataKey(MATERIAL) != DataKey(MATERIAL[::-1])
    assert DataKey(MATERIAL).reveal() == MATERIAL
    assert len(DataKey(MATERIAL)) == 32


def test_a_secret_does_not_follow_the_buffer_it_was_made_from() -> None:
    buffer = bytearray(MATERIAL)
    key = Key256(buffer)
    buffer[:] = bytes(32)
    assert key.reveal() == MATERIAL


def test_generated_keys_differ() -> None:
    assert len({Key256.generate().reveal() for _ in range(100)}) == 100


def test_misuse_is_not_caught_with_refusals() -> None:
    assert not issubclass(Misuse, SealingError)
    assert not issubclass(SealingError, Misuse)
