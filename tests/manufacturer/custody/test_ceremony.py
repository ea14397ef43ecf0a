"""The ceremony's folder, the device authority at work, and unlocking what the ceremony left."""

from __future__ import annotations

import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.site import site
from manufacturer.custody import keyholder
from manufacturer.custody.ceremony import install_custody, read_public
from manufacturer.custody.errors import CustodyLocked, FactoryRequestRefused
from manufacturer.custody.factory import sign_device
from manufacturer.custody.keyholder import holder, read_passphrase, try_passphrase_file, unlock
from manufacturer.custody.trust import begin, current_trust
from manufacturer.custody.unlock import UnlockSocket, send_passphrase
from sealing.documents import device_record, possession
from sealing.ecdsa import SigningKey
from sealing.encoding import b64u, from_b64u
from sealing.errors import Refused
from sealing.hpke import KemPrivateKey
from sealing.identity import make_request, read_request
from sealing.jose import KeySigner
from sealing.passphrase import Passphrase, open_key
from sealing.trust import Trust
from tests.support.maker import now

KEY_FILES = ("root", "device-authority", "front-desk", "custody", "escrow-authority")


@pytest.fixture(autouse=True)
def _locked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyholder, "_holder", None)


def emil(folder: Path) -> str:
    public = folder / "emil.pub"
    public.write_text(json.dumps({"public": b64u(SigningKey.generate().public.raw)}))
    return f"emil:custodian:{public}"


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One ceremony for all: its five key files cost real derivations. Its passphrases stand beside it."""
    place = tmp_path_factory.mktemp("held")
    options = ["--passphrases", str(place / "pass"), "--non-interactive", "--person", emil(place)]
    call_command("ceremony", str(place / "ceremony"), *options, stdout=StringIO())
    return place / "ceremony"


@pytest.fixture
def folder(held: Path, db: None) -> Path:
    """The ceremony, installed in this custody."""
    install_custody(held, site().root, held.parent / "pass" / "custody.pass")
    public = read_public(held)
    begin(from_b64u(public["root"]), public["authority_list"], public["rosters"][0])
    return held


def test_one_command_makes_keys_and_installs_them_in_both_sites(tmp_path: Path, db: None) -> None:
    call_command(
        "ceremony",
        str(tmp_path / "ceremony"),
        *("--passphrases", str(tmp_path / "pass"), "--non-interactive", "--person", emil(tmp_path)),
        *("--custody-site", str(site().root), "--desk-site", str(tmp_path / "desk")),
        stdout=StringIO(),
    )
    assert try_passphrase_file()
    installed = sorted(p.relative_to(tmp_path / "desk") for p in (tmp_path / "desk").rglob("*.*"))
    assert [str(path) for path in installed] == ["keys/front-desk.key", "secrets/front-desk.pass"]
    assert current_trust().roster.version == 1


def test_the_ceremony_installs_into_no_other_custody_than_this_one(tmp_path: Path, db: None) -> None:
    options = ["--passphrases", str(tmp_path / "p"), "--non-interactive", "--custody-site", str(tmp_path)]
    with pytest.raises(CommandError, match="not this site"):
        call_command("ceremony", str(tmp_path / "c"), *options)


def test_every_private_half_is_under_a_passphrase_and_private_to_its_owner(folder: Path) -> None:
    files = sorted(path for path in folder.iterdir() if path.suffix == ".key")
    assert [path.stem for path in files] == sorted(KEY_FILES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    for path in files:
        with pytest.raises(Refused) as refused:
            open_key(
                path.read_text(), Passphrase.of("not the passphrase"), use=json.loads(path.read_text())["use"]
            )
        assert refused.value.code == "seal.does-not-open"
    phrases = list((folder.parent / "pass").iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in phrases} == {0o600}


def test_the_public_bundle_is_whole_and_holds_no_secret(folder: Path) -> None:
    text = (folder / "public.json").read_text()
    public = json.loads(text)
    trust = Trust(from_b64u(public["root"]), public["authority_list"], public["rosters"])
    uses = sorted(entry.use for entry in trust.authorities.entries)
    assert uses == ["custody", "device-authority", "escrow", "front-desk"]
    assert trust.roster.find("emil") is not None
    assert (folder / "custody.token").read_text() not in text


def test_a_ceremony_is_never_held_over_another(folder: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(CommandError, match=r"custody\.ceremony-done"):
        call_command(
            "ceremony",
            str(folder),
            *("--passphrases", str(tmp_path / "pass"), "--non-interactive"),
            *("--person", emil(tmp_path)),
            stdout=StringIO(),
        )
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_roster_without_a_custodian_makes_no_ceremony(tmp_path: Path, db: None) -> None:
    with pytest.raises(CommandError, match="custodian"):
        call_command(
            "ceremony", str(tmp_path / "c"), "--passphrases", str(tmp_path / "p"), "--non-interactive"
        )
    assert not (tmp_path / "c").exists()


def test_custody_unlocks_from_its_file_and_trusts_the_ceremony(folder: Path) -> None:
    assert try_passphrase_file()
    escrow = next(e for e in current_trust().authorities.entries if e.use == "escrow")
    assert holder().holds(escrow.kid)
    assert holder().signer.kid == next(
        e.kid for e in current_trust().authorities.entries if e.use == "custody"
    )


def test_custody_prefers_a_systemd_credential(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential = tmp_path / "custody.pass"
    credential.write_bytes((site().secrets / "custody.pass").read_bytes())
    credential.chmod(0o600)
    (site().secrets / "custody.pass").unlink()
    assert not try_passphrase_file()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert try_passphrase_file()


def test_a_person_unlocks_by_the_socket_and_a_wrong_passphrase_does_not(folder: Path) -> None:
    right = (site().secrets / "custody.pass").read_text()
    door = UnlockSocket(site().run / "unlock.sock")
    door.start()
    try:
        path = site().run / "unlock.sock"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not send_passphrase(path, "a wrong passphrase")
        with pytest.raises(CustodyLocked):
            holder()
        assert send_passphrase(path, right)
        assert holder().signer.kid
    finally:
        door.stop()


def test_without_keys_custody_stays_locked(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_SITE_DIR", str(tmp_path))
    with pytest.raises(CustodyLocked):
        unlock(Passphrase.of("whatever it may be"))


# --- the factory --------------------------------------------------------------------------------------------


def factory_request(serial: str = "U-100") -> tuple[dict[str, Any], SigningKey, KemPrivateKey]:
    key, kem = SigningKey.generate(), KemPrivateKey.generate()
    csr = make_request(key, serial)
    proof = possession.issue(
        serial=serial,
        model="M1",
        request=csr,
        kem=kem.public,
        vault="software",
        iat=now(),
        signer=KeySigner(key),
    )
    request = {
        "serial": serial,
        "model": "M1",
        "csr": b64u(csr),
        "kem_public_key": b64u(kem.public.raw),
        "proof": proof,
    }
    return request, key, kem


def device_pass(folder: Path) -> Passphrase:
    return read_passphrase(folder.parent / "pass" / "device-authority.pass")


def test_the_device_authority_signs_what_the_unit_proved(folder: Path) -> None:
    request, key, kem = factory_request()
    bundle = sign_device(request, folder, device_pass(folder))
    trust = Trust(from_b64u(bundle["root"]), bundle["authority_list"])
    certificate = trust.unit(tuple(from_b64u(der) for der in bundle["chain"]))
    record = device_record.read(bundle["device_record"], trust)
    assert (certificate.serial, certificate.key) == ("U-100", key.public)
    assert (record.certificate, record.kem_thumbprint) == (certificate.thumbprint, kem.public.thumbprint)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r, o: {**r, "proof": o["proof"]},
        lambda r, o: {**r, "csr": o["csr"]},
        lambda r, o: {**r, "kem_public_key": o["kem_public_key"]},
        lambda r, _: {**r, "serial": "U-999"},
        lambda r, _: {k: v for k, v in r.items() if k != "proof"},
        lambda r, _: {**r, "proof": r["proof"][:-4] + "AAAA"},
        lambda *_: {},
    ],
)
def test_the_device_authority_signs_nothing_that_does_not_agree(folder: Path, spoil: Any) -> None:
    request, _, _ = factory_request()
    other, _, _ = factory_request("U-200")
    with pytest.raises(FactoryRequestRefused):
        sign_device(spoil(request, other), folder, device_pass(folder))


def test_the_command_prints_a_bundle(folder: Path, tmp_path: Path) -> None:
    request, key, _ = factory_request()
    file, out = tmp_path / "request.json", StringIO()
    file.write_text(json.dumps(request))
    phrase = folder.parent / "pass" / "device-authority.pass"
    call_command(
        "sign_device", str(file), "--folder", str(folder), "--passphrase-file", str(phrase), stdout=out
    )
    assert json.loads(out.getvalue())["serial"] == "U-100"
    assert read_request(from_b64u(request["csr"])).key == key.public


def test_the_command_refuses_a_wrong_passphrase(folder: Path, tmp_path: Path) -> None:
    file, phrase = tmp_path / "request.json", tmp_path / "wrong.pass"
    file.write_text(json.dumps(factory_request()[0]))
    phrase.write_text("not the passphrase")
    phrase.chmod(0o600)
    with pytest.raises(CommandError, match="does not open"):
        call_command("sign_device", str(file), "--folder", str(folder), "--passphrase-file", str(phrase))
