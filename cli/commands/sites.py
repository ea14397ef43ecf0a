"""Signing in and out, and who one is."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cli import session
from cli.client import Site
from cli.exits import CommandError, Exit
from cli.registry import Call, argument, command


def read_password(path: Path | None, prompt: str) -> str:
    """A secret from a file, from a terminal, or from standard input; never from the command line."""
    if path is not None:
        return path.read_text().rstrip("\n")
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    return sys.stdin.readline().rstrip("\n")


@command(
    "sign-in",
    "sign in to a site and keep a token for it",
    argument("url"),
    argument("--user", required=True),
    argument("--name", help="what to call the site here (default: host and port)"),
    argument("--password-file", type=Path),
    argument("--no-store", action="store_true", help="print the token instead of keeping it"),
)
def sign_in(call: Call) -> Any:
    options = call.options
    password = read_password(options.password_file, f"Password of {options.user}: ")
    with Site(options.url) as site:
        answer = site.post("tokens", {"username": options.user, "password": password, "name": "command line"})
    if options.no_store:
        return answer
    name = options.name or urlsplit(options.url).netloc
    session.remember(session.Entry(name, options.url, answer["token"], options.user))
    call.output.note(f"signed in to {name} as {options.user}; the token is in {session.config_path()}")
    return {"site": name, "url": options.url, "user": options.user, "expires_at": answer.get("expires_at")}


@command("sign-out", "revoke the token kept for the site, and forget it")
def sign_out(call: Call) -> Any:
    entry = session.choose(call.options.site)
    call.site.request("DELETE", "tokens/current")
    session.forget(entry.name)
    return {"signed_out": entry.name}


@command("whoami", "who the token belongs to, with roles")
def whoami(call: Call) -> Any:
    return call.site.get("me")


@command("sites", "the sites this command knows", columns=("name", "url", "user", "default"))
def sites(_: Call) -> Any:
    content = session.load()
    return [
        {"name": name, "url": row["url"], "user": row.get("user", ""), "default": name == content["default"]}
        for name, row in content["sites"].items()
    ]


@command("events", "the newest rows of the event log", argument("--limit", type=int, default=30), columns=(
    "at", "action", "actor_name", "subject", "outcome"))  # fmt: skip
def events(call: Call) -> Any:
    return call.site.get("events", limit=call.options.limit)["results"]


def text_of(path: Path) -> str:
    """The text of a file, or of standard input for ``-``. Raises `CommandError` if it is no text."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", Exit.USAGE) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not text", Exit.DOCUMENT) from error
