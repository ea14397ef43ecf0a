"""The device authority at work: sign a new unit's identity and its device record."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from manufacturer.custody.ceremony import read_public
from manufacturer.custody.errors import FactoryRequestRefused
from sealing.documents import device_record, possession
from sealing.encoding import b64u, from_b64u, thumbprint_of
from sealing.errors import Refused
from sealing.identity import check_authority, check_root, make_unit_certificate
from sealing.jose import KeySigner
from sealing.passphrase import Passphrase, open_signing_key


def sign_device(request: dict[str, Any], folder: Path, passphrase: Passphrase) -> dict[str, Any]:
    """The bundle for a unit whose request proves that it holds its identity key.

    Raises `FactoryRequestRefused`. What is signed is what the proof says; the request's other members only
    have to agree with it.
    """
    public = read_public(folder)
    root = check_root(from_b64u(public["root"]))
    authority_der = from_b64u(public["device_authority"])
    key = open_signing_key((folder / "device-authority.key").read_text(), passphrase, use="device-authority")
    try:
        authority = check_authority(authority_der, root)
        claims, asked, kem = possession.read(str(request.get("proof", "")))
        _check_agrees(request, claims)
    except Refused as refused:
        raise FactoryRequestRefused(fault=refused.code) from refused
    certificate = make_unit_certificate(key, authority_der, asked)
    record = device_record.issue(
        device_record.DeviceRecord(
            serial=claims.serial,
            model=claims.model,
            certificate=thumbprint_of(certificate),
            kem_public_key=b64u(kem.raw),
            kem_thumbprint=kem.thumbprint,
            vault=claims.vault,
            iat=int(time.time()),
        ),
        KeySigner(key, kid=authority.thumbprint, chain=(authority_der,)),
    )
    return {
        "serial": claims.serial,
        "model": claims.model,
        "chain": [b64u(certificate), b64u(authority_der)],
        "root": public["root"],
        "device_record": record,
        "authority_list": public["authority_list"],
    }


def read_request(path: Path) -> dict[str, Any]:
    """A factory request's JSON. Raises `FactoryRequestRefused`."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise FactoryRequestRefused(file=str(path)) from error
    if not isinstance(found, dict):
        raise FactoryRequestRefused(file=str(path))
    return found


def _check_agrees(request: dict[str, Any], claims: possession.Possession) -> None:
    said = {"serial": claims.serial, "csr": claims.request, "kem_public_key": claims.kem_public_key}
    for name, value in said.items():
        if request.get(name, value) != value:
            raise FactoryRequestRefused(member=name)
