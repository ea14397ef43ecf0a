"""The roster.

Show it, add a person (a custodian signs), suspend one (anybody on it signs), release a cap, bar.
"""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ground.refusals import Refusal
from manufacturer.custody import people
from manufacturer.custody.ceremony import read_public, write_public
from manufacturer.custody.keyholder import holder, read_passphrase, try_passphrase_file
from manufacturer.custody.models import RosterVersion
from manufacturer.custody.trust import current_trust
from sealing.passphrase import Passphrase


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--key", type=Path, help="the signer's own key file")
        parser.add_argument("--passphrase-file", type=Path, help="0600; asked for if it is not given")
        parser.add_argument(
            "--public", type=Path, help="a ceremony folder whose public.json is brought up to date"
        )
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("show")
        verbs.add_parser("add").add_argument("person", help="NAME:ROLES:PUBLIC[:CUSTOMER]")
        verbs.add_parser("suspend").add_argument("person", help="the person's id")
        verbs.add_parser("take").add_argument("file", type=Path, help="a roster signed elsewhere")
        verbs.add_parser("release").add_argument("subject", help="customer:<id> or unit:<serial>")
        barring = verbs.add_parser("bar")
        barring.add_argument("kind", choices=["key", "identity"])
        barring.add_argument("what", help="key id, or a certificate's thumbprint")
        barring.add_argument("reason")
        lifting = verbs.add_parser("lift", help="a bar that came by the desk's notice; a custodian signs")
        lifting.add_argument("kind", choices=["key", "identity"])
        lifting.add_argument("what")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except Refusal as refusal:
            raise CommandError(f"{refusal}. {refusal.next_step}") from refusal
        if options["public"] is not None:
            public = read_public(options["public"])
            rosters = list(RosterVersion.objects.order_by("version").values_list("document", flat=True))
            write_public(options["public"], {**public, "rosters": rosters})

    def _show(self, options: dict[str, Any]) -> None:
        roster = current_trust().roster
        self.stdout.write(f"version {roster.version}")
        for person in roster.people:
            self.stdout.write(
                f"{person.id}\t{','.join(person.roles)}\t{person.state}\t{person.customer or ''}"
            )

    def _add(self, options: dict[str, Any]) -> None:
        self._take_text(people.next_roster(people.person_from(options["person"]), *self._signer(options)))

    def _suspend(self, options: dict[str, Any]) -> None:
        self._take_text(people.next_roster(options["person"], *self._signer(options)))

    def _take(self, options: dict[str, Any]) -> None:
        self._take_text(options["file"].read_text().strip())

    def _release(self, options: dict[str, Any]) -> None:
        custodian = people.prove_custodian(*self._signer(options))
        self._unlock()
        counted = people.release_cap(options["subject"], custodian, holder())
        self.stdout.write("released" if counted else "was not counted")

    def _bar(self, options: dict[str, Any]) -> None:
        person = people.prove_person(*self._signer(options))
        self._unlock()
        people.bar(options["kind"], options["what"], options["reason"], person, holder())
        self.stdout.write("barred for ever")

    def _lift(self, options: dict[str, Any]) -> None:
        custodian = people.prove_custodian(*self._signer(options))
        self._unlock()
        lifted = people.lift(options["kind"], options["what"], custodian, holder())
        self.stdout.write("lifted" if lifted else "not lifted: no bar that came by the desk's notice")

    def _take_text(self, text: str) -> None:
        self._unlock()
        self.stdout.write(f"version {people.take(text, holder()).version} in force")

    def _signer(self, options: dict[str, Any]) -> tuple[Path, Passphrase]:
        if options["key"] is None:
            raise CommandError("--key is needed: this act is signed")
        path: Path | None = options["passphrase_file"]
        phrase = read_passphrase(path) if path else Passphrase.of(getpass.getpass("Passphrase of your key: "))
        return options["key"], phrase

    def _unlock(self) -> None:
        if not try_passphrase_file():
            raise CommandError("no passphrase file: the ledger entry of this act has to be signed")
