"""The roster at work.

Exporting it, taking the next one, and acts that a custodian has to prove to be one for.
"""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from django.db import transaction

from manufacturer.custody.engine import gates, ledger
from manufacturer.custody.errors import NotACustodian, RosterRefused
from manufacturer.custody.keyholder import KeyHolder
from manufacturer.custody.models import Barred
from manufacturer.custody.trust import current_trust, take_roster
from sealing.documents import roster
from sealing.documents.roster import Roster, RosterPerson
from sealing.errors import Misuse, Refused
from sealing.jose import KeySigner
from sealing.passphrase import Passphrase, open_signing_key


def person_from(spec: str) -> RosterPerson:
    """``NAME:ROLE[,ROLE]:FILE[:CUSTOMER]``; FILE is a key file or its public half."""
    parts = spec.split(":")
    if len(parts) not in (3, 4):
        raise RosterRefused(person=spec, wanted="NAME:ROLE[,ROLE]:FILE[:CUSTOMER]")
    try:
        found: Any = json.loads(Path(parts[2]).read_text())
        person = RosterPerson(
            id=parts[0],
            name=parts[0],
            roles=tuple(parts[1].split(",")),
            key=found["public"],
            state="active",
            customer=parts[3] if len(parts) == 4 else None,
        )
        person.public()
        person.to_json()
    except (OSError, ValueError, KeyError, TypeError, Refused, Misuse) as error:
        raise RosterRefused(person=parts[0]) from error
    return person


def next_roster(change: RosterPerson | str, key_file: Path, passphrase: Passphrase) -> str:
    """The roster after adding a person, or after suspending the one of that id.

    Signed with the key in `key_file`.

    Made wherever the signer is; `take` decides whether the signer may.
    """
    now = current_trust().roster
    people = list(now.people)
    if isinstance(change, str):
        if now.find(change) is None:
            raise RosterRefused(person=change)
        people = [dataclasses.replace(p, state="suspended") if p.id == change else p for p in people]
    else:
        people = [p for p in people if p.id != change.id] + [change]
    following = Roster(
        version=now.version + 1, previous=now.digest, iat=int(time.time()), people=tuple(people)
    )
    try:
        signer = KeySigner(open_signing_key(key_file.read_text(), passphrase, use="approver"))
        return roster.issue(following, signer)
    except Refused as refused:
        raise RosterRefused(fault=refused.code) from refused


def take(text: str, holder: KeyHolder) -> Roster:
    """Put the next roster in force, with its ledger entry. Raises `RosterRefused`."""
    try:
        with transaction.atomic():
            taken = take_roster(text)
            ledger.append(
                holder.signer,
                kind="roster",
                phase="result",
                outcome="done",
                subject=f"version {taken.version}",
            )
    except Refused as refused:
        raise RosterRefused(fault=refused.code) from refused
    return taken


def prove_custodian(key_file: Path, passphrase: Passphrase) -> RosterPerson:
    """The active custodian whose key file this opens. Raises `NotACustodian`."""
    person = prove_person(key_file, passphrase)
    if "custodian" not in person.roles:
        raise NotACustodian()
    return person


def release_cap(subject: str, custodian: RosterPerson, holder: KeyHolder) -> bool:
    """Let a customer or unit try again after its cap; False when it was never counted."""
    with transaction.atomic():
        released = gates.release(subject)
        ledger.append(
            holder.signer,
            kind="release",
            phase="result",
            outcome="done",
            subject=f"{subject} by {custodian.id}",
        )
    return released


def bar(kind: str, name: str, reason: str, by: RosterPerson, holder: KeyHolder) -> None:
    """Refuse a key id or an identity for ever. Anybody active on the roster may; nobody can take it back."""
    with transaction.atomic():
        row, made = Barred.objects.get_or_create(
            kind=kind, name=name, defaults={"reason": reason, "by": by.id}
        )
        if not made and row.by == Barred.BY_DESK:
            Barred.objects.filter(pk=row.pk).update(by=by.id, reason=reason)
        ledger.append(
            holder.signer,
            kind="bar",
            phase="result",
            outcome="done",
            subject=f"{kind} {name} by {by.id}"[:120],
        )


def prove_person(key_file: Path, passphrase: Passphrase) -> RosterPerson:
    """The active person of the roster whose key file this opens. Raises `NotACustodian`."""
    try:
        key = open_signing_key(key_file.read_text(), passphrase, use="approver")
    except Refused as refused:
        raise NotACustodian(fault=refused.code) from refused
    person = current_trust().roster.by_key(key.public.thumbprint)
    if person is None or person.state != "active":
        raise NotACustodian()
    return person


def lift(kind: str, name: str, custodian: RosterPerson, holder: KeyHolder) -> bool:
    """Take back a bar that came by the desk's notice; False where there is none, or a person set it."""
    with transaction.atomic():
        lifted, _ = Barred.objects.filter(kind=kind, name=name, by=Barred.BY_DESK).delete()
        ledger.append(
            holder.signer,
            kind="release",
            phase="result",
            outcome="done" if lifted else "refused",
            subject=f"{kind} {name} by {custodian.id}"[:120],
        )
    return bool(lifted)
