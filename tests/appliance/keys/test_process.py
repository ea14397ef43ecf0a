"""The key process as a process: who may speak, how much, alone on its site, gone after a tamper."""

from __future__ import annotations

import base64
import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.keys import errors, wire
from appliance.keys.client import KeyProcess
from sealing.encoding import b64u
from tests.appliance.keys.maker import Maker
from tests.appliance.keys.running import RunningKeys
from tests.support.nursery import PROJECT

SECONDS = 10.0


def speak(running: RunningKeys, raw: bytes) -> dict[str, Any]:
    """Send bytes as they are; the answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(SECONDS)
        connection.connect(str(running.site / "run" / "keys.sock"))
        connection.sendall(raw)
        return wire.receive(connection)


def framed(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def test_the_key_process_loads_no_django() -> None:
    code = (
        "import sys; from appliance.keys.process.__main__ import main; "
        "from appliance.keys.process import load_verbs; load_verbs(); import appliance.keys.client; "
        "print([n for n in sys.modules if n.split('.')[0] in ('django', 'rest_framework', 'celery')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"status"',
        b"{}",
        b'{"verb": "status"}',
        b'{"verb": "status", "params": {}, "more": 1}',
        b'{"verb": "status", "params": []}',
        b'{"verb": "status", "params": {"x": 1}}',
        b'{"verb": "export_key", "params": {}}',
        b'{"verb": ["status"], "params": {}}',
        b'{"verb": "values", "params": {"key_id": 7}}',
        b'{"verb": "values", "params": {"key_id": "../keyring"}}',
        b'{"verb": "scan", "params": {"paths": "/"}}',
        b'{"verb": "scan", "params": {"paths": ["relative"]}}',
        b'{"verb": "generate", "params": {"who": "a", "why": "b", "kind": "fixed"}}',
        json.dumps({"verb": "generate", "params": {"who": "a" * 9999, "why": "", "kind": "hybrid"}}).encode(),
        b"[" * 100_000,
    ],
)
def test_a_request_of_no_known_shape_is_refused_and_the_process_lives(
    standing: RunningKeys, body: bytes
) -> None:
    answer = speak(standing, framed(body))
    assert answer["refusal"]["code"] == "keys.request-refused"
    assert standing.keys.status().state == "ready"


def test_a_message_announced_too_large_is_refused_before_it_is_read(installed: RunningKeys) -> None:
    answer = speak(installed, struct.pack(">I", wire.MAX_MESSAGE_BYTES + 1))
    assert answer["refusal"]["code"] == "keys.message-too-large"
    with pytest.raises(errors.MessageTooLarge):
        installed.keys.enrol("x" * (wire.MAX_MESSAGE_BYTES + 1))


def test_a_peer_that_hangs_up_in_the_middle_harms_nobody(installed: RunningKeys) -> None:
    for raw in (b"", b"\0", b"\0\0\0\x10abc"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(installed.site / "run" / "keys.sock"))
            connection.sendall(raw)
    assert installed.keys.status().state == "ready"


def test_nobody_listening_is_a_refusal_in_words(tmp_path: Path) -> None:
    with pytest.raises(errors.ProcessUnreachable) as caught:
        KeyProcess(tmp_path / "none.sock", patience=0).status()
    assert caught.value.next_step


def test_a_caller_waits_for_a_key_process_that_is_started_again(installed: RunningKeys) -> None:
    patient = KeyProcess(installed.site / "run" / "keys.sock", patience=20)
    installed.kill()
    said: list[str] = []
    caller = threading.Thread(target=lambda: said.append(patient.status().serial))
    caller.start()
    installed.start()
    caller.join(SECONDS)
    assert said == ["78-T0001"]


def test_a_verb_that_must_not_be_sent_twice_is_not(installed: RunningKeys, maker: Maker) -> None:
    """The process dies after the installation is durable and before it answers."""
    values = [installed.keys.values(installed.make_active(maker))[0]]
    text = maker.transfer(values, installed.keys.transfer_request(), installed.keys.status().device_record)
    installed.kill()
    installed.start(
        code="""
import os, signal
from appliance.keys.process import server
server.Server._answer = lambda self, connection, answer: (
    os.kill(os.getpid(), signal.SIGKILL) if "receipt" in answer.get("ok", {}) else wire_send(connection,
    answer))
wire_send = server.wire.send
"""
    )
    patient = KeyProcess(installed.site / "run" / "keys.sock", patience=20)
    with pytest.raises(errors.ProcessUnreachable):
        patient.install_transfer(text, who="ada")
    installed.kill()
    installed.start()
    with pytest.raises(errors.Replayed):
        patient.install_transfer(text, who="ada")
    assert patient.installation() is not None


def test_the_socket_is_the_owners_alone(installed: RunningKeys) -> None:
    mode = (installed.site / "run" / "keys.sock").stat().st_mode
    assert mode & 0o777 == 0o600
    for path in (installed.site / "keys").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    assert (installed.site / "secrets" / "keys.root").stat().st_mode & 0o777 == 0o600


@pytest.mark.root
def test_another_user_id_is_refused_by_the_kernels_word(
    tmp_path_factory: pytest.TempPathFactory, new_site: Callable[[str], RunningKeys]
) -> None:
    group, allowed, stranger = 54321, 54322, 54323
    running = new_site("unit")
    running.start("--peer-uid", "0", "--peer-uid", str(allowed), "--socket-group", str(group))
    path = running.site / "run" / "keys.sock"
    for folder in path.parents:
        folder.chmod(folder.stat().st_mode | 0o011)  # others may walk there; the socket keeps its rights
    try:
        said = {uid: said_to(path, uid, group) for uid in (allowed, stranger)}
    finally:
        tmp_path_factory.getbasetemp().parent.chmod(0o700)
    assert said == {allowed: "empty", stranger: "keys.peer-refused"}


def said_to(path: Path, uid: int, gid: int) -> str:
    """What the key process answers to a process of another user id: state, or code of the refusal."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        try:
            text = KeyProcess(path).status().state
        except errors.KeyRefusal as refusal:
            text = f"{refusal.code}"
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return answer.read()


def test_a_second_key_process_of_a_site_does_not_start(installed: RunningKeys) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "appliance.keys.process", "--site", str(installed.site)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 2
    assert "keys.already-running" in second.stderr
    assert installed.keys.status().state == "ready"


def test_a_stopped_process_ends_cleanly_and_a_killed_one_leaves_nothing_in_the_way(
    installed: RunningKeys,
) -> None:
    installed.stop()
    assert not (installed.site / "run" / "keys.sock").exists()
    installed.start_as_a_command()
    installed.restart()
    assert installed.keys.status().state == "ready"


def test_no_core_dump_and_no_reading_of_its_memory(installed: RunningKeys) -> None:
    assert installed.process is not None
    limits = Path(f"/proc/{installed.process.pid}/limits").read_text()
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]
    # a process that is not dumpable has its /proc files owned by root, whoever runs it
    assert Path(f"/proc/{installed.process.pid}/mem").stat().st_uid == 0
    assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 1  # this one is dumpable: the flag is not inherited


def test_the_log_names_verbs_and_outcomes_and_no_secret(installed: RunningKeys, maker: Maker) -> None:
    key_id = installed.make_active(maker)
    secret = maker.open_value(installed.keys.values(key_id)[0]).secret.reveal()
    installed.keys.data_keys()
    log = installed.log.read_text()
    assert "verb=activate" in log
    for shown in (secret.hex(), b64u(secret), base64.b64encode(secret).decode()):
        assert shown not in log


def test_many_callers_at_once_are_answered_one_after_the_other(installed: RunningKeys, maker: Maker) -> None:
    installed.make_active(maker)
    made: list[bytes] = []

    def call() -> None:
        made.append(installed.keys.id_key("shared").reveal())

    threads = [threading.Thread(target=call) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert len(made) == 24
    assert len(set(made)) == 1


def planted(secret: bytes, lead: int) -> list[bytes]:
    """The secret in every encoding, `lead` bytes of something else before it."""
    clear = bytes(range(lead)) + secret + b"after it"
    return [
        clear,
        clear.hex().encode(),
        clear.hex().upper().encode(),
        base64.b64encode(clear),
        base64.urlsafe_b64encode(clear),
    ]


def test_the_scan_finds_planted_leaks_and_says_only_how_many(
    installed: RunningKeys, maker: Maker, tmp_path: Path
) -> None:
    key_id = installed.make_active(maker)
    backup = maker.open_value(installed.keys.values(key_id)[0]).secret.reveal()
    held = installed.keys.data_keys()
    assert held.active is not None
    installed.keys.id_key("default")
    leaks = tmp_path / "leaks"
    leaks.mkdir()
    clean = installed.keys.scan([leaks, installed.site])
    assert clean.canary_hits == 0
    assert clean.files > 3
    root = (installed.site / "secrets" / "keys.root").read_bytes()
    for name, secret in {"k": backup, "d": held.active.key.reveal(), "r": root}.items():
        for number, text in enumerate(leak for lead in range(3) for leak in planted(secret, lead)):
            (leaks / f"{name}-{number}").write_bytes(os.urandom(5000 + number) + text + os.urandom(5000))
    found = installed.keys.scan([leaks])
    assert found.files == 45
    # a base64 text whose characters are the same in both alphabets counts once, never less
    assert {kind: n for kind, n in found.hits.items() if n} == {
        "backup-key": 15,
        "data-key": 15,
        "vault-root": 15,
    }


def test_after_a_tamper_nothing_opens_again(installed: RunningKeys, maker: Maker) -> None:
    installed.make_active(maker)
    installed.keys.tamper(who="switch", why="the lid was opened")
    installed.keys.tamper(who="switch", why="again")
    calls: list[Callable[[], Any]] = [
        installed.keys.data_keys,
        installed.keys.transfer_request,
        installed.keys.signer,
        lambda: installed.keys.generate(who="a", why="b"),
        lambda: installed.keys.factory_begin(serial="78-T0001", model=""),
        lambda: installed.keys.scan([installed.site]),
    ]
    for _ in range(2):
        assert installed.keys.status().state == "tampered"
        for call in calls:
            with pytest.raises(errors.Tampered):
                call()
        installed.restart()
    assert not (installed.site / "secrets" / "keys.root").exists()


def test_a_latch_that_a_crash_left_is_finished_at_the_next_start(
    installed: RunningKeys, maker: Maker
) -> None:
    installed.make_active(maker)
    installed.kill()
    (installed.site / "keys" / "tampered").write_text("{}")
    assert (installed.site / "secrets" / "keys.root").exists()
    installed.start()
    assert installed.keys.status().state == "tampered"
    assert not (installed.site / "secrets" / "keys.root").exists()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("keys/identity.slot", lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
        ("keys/kem.slot", lambda raw: raw[:40]),
        ("keys/keyring.*", lambda raw: raw[:-1]),
        ("keys/keyring.*", lambda raw: bytes([raw[0] ^ 1]) + raw[1:]),
        ("secrets/keys.root", lambda raw: raw[::-1]),
        ("secrets/keys.root", lambda raw: raw[:31]),
    ],
)
def test_a_damaged_file_stops_the_start_in_words_and_is_not_replaced(
    installed: RunningKeys, name: str, damage: Callable[[bytes], bytes]
) -> None:
    installed.kill()
    path = max(installed.site.glob(name), key=lambda found: found.stat().st_mtime_ns)
    broken = damage(path.read_bytes())
    path.write_bytes(broken)
    done = subprocess.run(
        [sys.executable, "-m", "appliance.keys.process", "--site", str(installed.site)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "keys.vault-damaged" in done.stderr
    assert path.read_bytes() == broken


def test_a_vault_root_that_is_gone_is_never_replaced_by_a_fresh_one(installed: RunningKeys) -> None:
    installed.kill()
    (installed.site / "secrets" / "keys.root").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "appliance.keys.process", "--site", str(installed.site)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "keys.vault-damaged" in done.stderr
