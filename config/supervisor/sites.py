"""What runs for each site: its directory, its environment, and the programs of its side."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.site import BASE_DIR, DATABASE_KEY_FD, Role, Site
from config.supervisor import brokers
from config.supervisor.processes import Identity, Program, as_user, private

# Variables of the surroundings that a site's processes may see. Everything else stays outside: a token in
# somebody's shell is not for a web tier.
PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "VIRTUAL_ENV",
    "SSL_CERT_FILE",
    "PYTHONHASHSEED",
)
ROOMS_WITH_TABLES = ("audit", "accounts", "jobs", "appliance", "manufacturer", "portal")
GRACEFUL_SECONDS = "3"  # an open event stream would hold the web process for ever


@dataclass(frozen=True)
class SiteSpec:
    """One site. ``name`` is unique in a world and prefixes cookies, broker keys and process names."""

    name: str
    role: Role
    root: Path
    port: int = 0  # 0: no web process (custody)
    desk_url: str = ""
    redis_url: str = ""
    database_url: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    identities: Mapping[str, Identity] = field(default_factory=dict)  # process → user
    python: str = sys.executable  # one that every user named in `identities` may run

    @property
    def site(self) -> Site:
        return Site(self.root)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def worker(self) -> str:
        """What this side calls its Celery worker."""
        return {"appliance": "engine", "manufacturer": "worker", "custody": "custody"}[self.role]

    def environment(self) -> dict[str, str]:
        """What every process of the site sees."""
        told = {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
            "STRONGROOM_ROLE": self.role,
            "STRONGROOM_SITE_DIR": str(self.root),
            "STRONGROOM_SITE_NAME": self.name,
            "STRONGROOM_LOOPBACK": "1",
            "STRONGROOM_PORT": str(self.port),
            "STRONGROOM_DESK_URL": self.desk_url,
            "REDIS_URL": self.redis_url,
            "DATABASE_URL": self.database_url,
        }
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return {**passed, **{name: value for name, value in told.items() if value}, **self.extra}

    def names(self) -> list[str]:
        return [program.name for program in self.programs()]

    def process(self, kind: str) -> str:
        return f"{self.name}.{kind}"

    def programs(self) -> list[Program]:
        """The site's processes, brokers and key process before those that lean on them."""
        found: list[Program] = []
        if not self.redis_url:
            found.append(self._broker())
        if self.role == "appliance":
            found.append(self._keys())
        if self.port:
            found.append(self._web())
        found.append(self._worker())
        return found

    def manage(self, *arguments: str, timeout: float = 300, text: str | None = None) -> str:
        """Run a management command of this site; returns what it printed. Raises `CommandFailedError`."""
        return self.run([self.python, "manage.py", *arguments], timeout=timeout, text=text)

    def run(self, command: list[str], *, timeout: float = 300, text: str | None = None) -> str:
        done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603  (commands of this package)
            command,
            **self.command_options(),
            input=text,
            stdin=None if text is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise CommandFailedError(self.name, command, (done.stdout + done.stderr)[-4000:])
        return done.stdout

    def command_options(self) -> dict[str, Any]:
        """Directory, environment and user for a command of this site.

        A command works on rows and asks the key process: it belongs to the engine's side.
        """
        engine = self.identities.get(self.worker)
        telling = {"STRONGROOM_PROCESS": "worker"} if engine else {}
        return {"cwd": BASE_DIR, "env": self.environment() | telling, **as_user(engine)}

    def hand_over(self, name: str, text: str) -> Path:
        """Lay a file where a command of this site, and nobody else, can read it."""
        path = self.site.run / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(text)
        engine = self.identities.get(self.worker)
        if engine:
            os.chown(path, engine.user, engine.group)
        return path

    def migrate(self) -> bool:
        """Bring the database to this release's schema if the mark says it is not there; True if it ran.

        The mark is a digest over every migration file of the project and the locked packages, so that the
        usual start costs a few hashes and no Django.
        """
        mark = self.site.db / "migrated"
        wanted = migrations_digest() + "\n" + self.database_url
        if mark.is_file() and mark.read_text() == wanted:
            return False
        self.site.make_directories()
        self.manage("migrate", "--verbosity", "0")
        with open(mark, "w", opener=private) as out:
            out.write(wanted)
        return True

    # ---- programs ----

    def _program(
        self,
        kind: str,
        command: list[str],
        ready: Callable[[], bool],
        tell: Mapping[str, str] | None = None,
        **more: object,
    ) -> Program:
        identity = self.identities.get(kind)
        return Program(
            name=self.process(kind),
            command=command,
            directory=BASE_DIR,
            log=self.site.log / f"{kind}.log",
            environment={**self.environment(), **(tell or {})},
            ready=ready,
            identity=identity,
            **more,  # type: ignore[arg-type]
        )

    def _broker(self) -> Program:
        path = self.site.broker_socket
        command = brokers.command(path, self.root / "broker", shared="broker" in self.identities)
        return self._program("broker", command, lambda: brokers.answers(path), ends_last=True)

    def _keys(self) -> Program:
        path = self.site.keys_socket
        command = [self.python, "-m", "appliance.keys.process", "--site", str(self.root)]
        engine, keys = self.identities.get(self.worker), self.identities.get("keys")
        if engine and keys:
            command += ["--peer-uid", str(engine.user), "--socket-group", str(keys.groups[0])]
        return self._program("keys", command, lambda: accepts(path), ends_last=True)

    def _web(self) -> Program:
        command = [
            self.python, "-m", "uvicorn", "config.asgi:application",
            "--host", "127.0.0.1", "--port", str(self.port),
            "--timeout-graceful-shutdown", GRACEFUL_SECONDS,
            "--log-level", "warning", "--no-access-log", "--no-server-header",
        ]  # fmt: skip
        secrets = {} if self.database_url else {DATABASE_KEY_FD: self.site.secrets / "database.root"}
        return self._program(
            "web",
            command,
            lambda: healthy(self.port),
            secret_fds=secrets,
            before=self._ensure_database_secret,
        )

    def _worker(self) -> Program:
        mark = self.site.run / f"{self.worker}.ready"
        command = [
            self.python, "-m", "celery", "--app", "config.celery:app", "worker",
            "--hostname", f"{self.worker}@{self.name}", "--loglevel", "WARNING",
            "--without-gossip", "--without-mingle", "--without-heartbeat",
        ]  # fmt: skip
        needs = [] if self.redis_url else [self.process("broker")]
        return self._program(
            self.worker,
            command,
            mark.exists,
            tell={"STRONGROOM_PROCESS": "worker"},
            before=lambda: mark.unlink(missing_ok=True),
            once_ready=needs,
        )

    def _ensure_database_secret(self) -> None:
        self.site.secret("database.root")


class CommandFailedError(Exception):
    """A management command ended with an error; the text shows which and what it said."""

    def __init__(self, site: str, command: list[str], said: str) -> None:
        super().__init__(f"{site}: `{' '.join(command[1:])}` failed:\n{said}")


def migrations_digest() -> str:
    state = hashlib.sha256((BASE_DIR / "requirements.lock").read_bytes())
    for room in ROOMS_WITH_TABLES:
        for path in sorted((BASE_DIR / room).glob("**/migrations/*.py")):
            state.update(str(path.relative_to(BASE_DIR)).encode() + b"\0" + path.read_bytes())
    return state.hexdigest()


def accepts(path: Path) -> bool:
    """Whether somebody listens on the Unix socket."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(0.5)
            connection.connect(str(path))
            return True
    except OSError:
        return False


def healthy(port: int) -> bool:
    """Whether the web process on the port answers that its database is there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def hold_port(preferred: int = 0) -> socket.socket:
    """A socket bound to the preferred port if nobody listens there, else to one the system chooses.

    While it is open, nobody else who asks the system for a free port is given this one; the process it is
    for binds it all the same (SO_REUSEADDR, and nobody listens), and callers before that are refused.
    """
    for candidate in (preferred, 0):
        held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind(("127.0.0.1", candidate))
            return held
        except OSError:
            held.close()
    raise OSError("no free port on 127.0.0.1")
