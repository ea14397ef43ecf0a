"""A unit whose processes run under user ids of their own, so that they are boundaries to each other.

``web`` may put into the spool and read rows, ``engine`` works on content and asks the key process, ``keys``
alone reads vault and keyring. Who may what:

=============  ======  ======  =====
               web     engine  keys
=============  ======  ======  =====
db/, spool/    yes     yes     no
store/         no      yes     no
keys/          no      no      yes
key socket     no      yes     yes
=============  ======  ======  =====

Needs root, to give files away and to start processes as others.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from config.supervisor.processes import Identity
from config.supervisor.sites import SiteSpec

PASS_ONLY = 0o711  # may be passed through, not listed
SHARED = 0o2770  # what is made inside belongs to the directory's group
DROP_BOX = 0o1770  # each may make files, and open or remove only their own


@dataclass(frozen=True)
class Split:
    """Three user ids and two group ids: ``common`` for all of the site, ``rows`` for web and engine."""

    web: int
    engine: int
    keys: int
    common: int
    rows: int

    def identities(self) -> dict[str, Identity]:
        both = (self.common, self.rows)
        engine = Identity(self.engine, self.engine, both)
        return {
            "web": Identity(self.web, self.web, both),
            "engine": engine,
            "broker": engine,
            "keys": Identity(self.keys, self.keys, (self.common,)),
        }


def separate(spec: SiteSpec, split: Split) -> SiteSpec:
    """Lay out a fresh unit's directories for three users; the spec that runs it so."""
    site = spec.site
    lay(spec.root, 0, split.common, PASS_ONLY)
    lay(site.run, 0, split.common, SHARED)
    lay(site.log, 0, 0, 0o700)
    lay(site.secrets, 0, split.common, DROP_BOX)
    lay(site.db, 0, split.rows, SHARED)
    lay(site.spool, split.web, split.rows, SHARED)
    lay(spec.root / "carried", split.engine, split.rows, SHARED)
    lay(site.store, split.engine, split.engine, 0o700)
    lay(spec.root / "broker", split.engine, split.engine, 0o700)
    lay(site.keys, split.keys, split.keys, 0o700)
    for name, owner in {"database.root": split.engine, "django.secret": split.web}.items():
        site.secret(name)
        os.chown(site.secrets / name, owner, owner)
    return replace(spec, identities=split.identities())


def lay(path: Path, user: int, group: int, mode: int) -> None:
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, user, group)
    path.chmod(mode)  # after chown, which takes setgid away
