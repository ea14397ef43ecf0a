"""Where the command keeps the addresses and tokens of the sites it signed in to.

``~/.config/strongroom/sites.json`` (0600), or the file that STRONGROOM_CONFIG names. STRONGROOM_URL and
STRONGROOM_TOKEN come before it, ``--site NAME`` chooses an entry, the last one signed in to is the default.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.exits import CommandError, Exit


@dataclass(frozen=True)
class Entry:
    name: str
    url: str
    token: str
    user: str = ""


def config_path() -> Path:
    named = os.environ.get("STRONGROOM_CONFIG")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "strongroom" / "sites.json"


def load() -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(config_path().read_text())
    except FileNotFoundError:
        return {"default": "", "sites": {}}
    except ValueError as error:
        raise CommandError(
            f"{config_path()} is not readable as JSON", Exit.USAGE, next_step="Remove it and sign in again."
        ) from error
    return content


def store(content: dict[str, Any]) -> None:
    """Write the file so that it is never readable by others and never half written."""
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(path.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(content, out, indent=2)
    fresh.replace(path)


def remember(entry: Entry) -> None:
    content = load()
    content["sites"][entry.name] = {"url": entry.url, "token": entry.token, "user": entry.user}
    content["default"] = entry.name
    store(content)


def forget(name: str) -> None:
    content = load()
    content["sites"].pop(name, None)
    if content["default"] == name:
        content["default"] = next(iter(content["sites"]), "")
    store(content)


def choose(name: str | None) -> Entry:
    """The site to talk to. Raises `CommandError` when nobody signed in anywhere."""
    url, token = os.environ.get("STRONGROOM_URL"), os.environ.get("STRONGROOM_TOKEN", "")
    if url and not name:
        return Entry("environment", url, token)
    content = load()
    wanted = name or content["default"]
    found = content["sites"].get(wanted)
    if found is None:
        raise CommandError(
            f"no site called {wanted!r} is known" if wanted else "no site is known",
            Exit.SIGN_IN,
            next_step="strongroom sign-in URL --user NAME, or set STRONGROOM_URL and STRONGROOM_TOKEN.",
        )
    return Entry(wanted, found["url"], found["token"], found.get("user", ""))
