"""Hold the ceremony: make every key of the manufacturer's side in an offline folder."""

from __future__ import annotations

import getpass
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.site import site
from ground.files import files
from ground.refusals import Refusal
from manufacturer.custody import ceremony
from manufacturer.custody.keyholder import read_passphrase
from manufacturer.custody.people import person_from
from manufacturer.custody.trust import begin
from sealing.passphrase import MIN_PASSPHRASE, Passphrase


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="offline folder, empty or new")
        parser.add_argument("--passphrases", type=Path, help="folder of <name>.pass files, 0600")
        parser.add_argument(
            "--non-interactive", action="store_true", help="make passphrase files that are missing"
        )
        parser.add_argument("--person", action="append", default=[], metavar="NAME:ROLES:PUBLIC")
        parser.add_argument("--custody-site", type=Path, help="install custody's keys there (this site)")
        parser.add_argument("--desk-site", type=Path, help="install the front desk's key there")
        parser.add_argument("--name", default="Strongroom", help="the manufacturer's name in certificates")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["non_interactive"] and options["passphrases"] is None:
            raise CommandError("--non-interactive needs --passphrases")
        custody_site: Path | None = options["custody_site"]
        if custody_site is not None and custody_site.resolve() != site().root.resolve():
            raise CommandError(f"--custody-site is not this site ({site().root})")
        try:
            people = [person_from(spec) for spec in options["person"]]
            if not any("custodian" in person.roles for person in people):
                raise CommandError("a roster needs a custodian: --person NAME:custodian:PUBLIC")
            held = ceremony.hold_ceremony(
                options["folder"],
                people,
                lambda name: self._passphrase(name, options),
                name=options["name"],
            )
            self._install(held, options)
        except Refusal as refusal:
            raise CommandError(f"{refusal}. {refusal.next_step}") from refusal
        self.stdout.write(str(held.folder / "public.json"))

    def _passphrase(self, name: str, options: dict[str, Any]) -> Passphrase:
        folder: Path | None = options["passphrases"]
        if folder is None:
            return _ask(name)
        path = folder / f"{name}.pass"
        if not path.exists():
            if not options["non_interactive"]:
                raise CommandError(f"{path} is missing")
            files().mkdir(folder)
            files().write(path, secrets.token_urlsafe(24).encode(), mode=0o600)
        return read_passphrase(path)

    def _install(self, held: ceremony.Ceremony, options: dict[str, Any]) -> None:
        phrases: Path | None = options["passphrases"]
        if options["custody_site"] is not None:
            phrase = phrases / "custody.pass" if phrases and options["non_interactive"] else None
            ceremony.install_custody(held.folder, options["custody_site"], phrase)
            begin(held.root, held.authority_list, held.roster)
        if options["desk_site"] is not None:
            if phrases is None:
                raise CommandError("--desk-site needs --passphrases: the desk unlocks by itself")
            ceremony.install_desk(held.folder, options["desk_site"], phrases / "front-desk.pass")


def _ask(name: str) -> Passphrase:
    while True:
        first = getpass.getpass(f"Passphrase of {name} (at least {MIN_PASSPHRASE} characters): ")
        if len(first) >= MIN_PASSPHRASE and first == getpass.getpass("Again: "):
            return Passphrase.of(first)
