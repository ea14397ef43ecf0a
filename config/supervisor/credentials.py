"""``var/credentials.json``: who may sign in where. 0600, replaced whole, never half written.

A list of sites, each ``{"name", "url", "accounts": [{"user", "password", "token", "role"}]}``.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Account:
    user: str
    password: str
    token: str
    role: str


@dataclass
class SiteAccounts:
    name: str
    url: str
    accounts: list[Account] = field(default_factory=list)


class Credentials:
    """The file's content by site name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sites: dict[str, SiteAccounts] = {}
        if path.is_file():
            for row in json.loads(path.read_text()):
                accounts = [Account(**account) for account in row["accounts"]]
                self.sites[row["name"]] = SiteAccounts(row["name"], row["url"], accounts)

    def put(self, name: str, url: str, accounts: list[Account] | None = None) -> None:
        """Set a site's address, and its accounts when given; writes the file."""
        known = self.sites.setdefault(name, SiteAccounts(name, url))
        known.url = url
        if accounts is not None:
            known.accounts = accounts
        self._write()

    def account(self, site: str, role: str) -> Account:
        """The first account with the role."""
        return next(account for account in self.sites[site].accounts if role in account.role.split(","))

    def _write(self) -> None:
        fresh = self.path.with_name(self.path.name + ".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump([asdict(site) for site in self.sites.values()], out, indent=2)
            out.write("\n")
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self.path)
