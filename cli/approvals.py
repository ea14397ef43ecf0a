"""Approving on the approver's own side: the key file, the canonical ticket text, the signature.

The private key and its passphrase never leave this process; the desk gets a finished signature.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from cli.client import Site
from cli.exits import CommandError, Exit


def new_key_file(path: Path, person: str, passphrase: str) -> dict[str, Any]:
    """Make an approver's key: the private half into ``path`` (0600), the public half beside it (.pub).

    Returns the public half, which is what the custodian puts on the roster.
    """
    from sealing import errors
    from sealing import passphrase as key_files
    from sealing.ecdsa import SigningKey

    key = SigningKey.generate()
    try:
        text = key_files.seal_key(key, key_files.Passphrase.of(passphrase), use="approver", name=person)
    except errors.Refused as refused:
        raise CommandError(str(refused), Exit.USAGE, code=refused.code) from refused
    write_private(path, text)
    file = key_files.read_key_file(text)
    public = {"name": file.name, "suite": file.suite, "kid": file.kid, "public": file.public}
    path.with_suffix(".pub").write_text(json.dumps(public, indent=2) + "\n")
    return public


def write_private(path: Path, text: str) -> None:
    """Write a new 0600 file; refuses to write over one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise CommandError(
            f"{path} is there already", Exit.CONFLICT, next_step="Choose another name."
        ) from error
    with os.fdopen(descriptor, "w") as out:
        out.write(text)


def read_ticket(text: str, *, root: bytes | None = None, authorities: str = "") -> Any:
    """The ticket document as it will be approved. Verified under ``root`` where one is given."""
    from sealing import errors
    from sealing.documents import ticket as ticket_document
    from sealing.jose import parse
    from sealing.trust import Trust

    try:
        if root is not None:
            return ticket_document.read(text, Trust(root, authorities))
        return ticket_document.Ticket.taken(parse(ticket_document.FORM, text))
    except errors.Refused as refused:
        raise CommandError(str(refused), Exit.DOCUMENT, code=refused.code) from refused


def sign(ticket: Any, *, key_file: Path, passphrase: str, person: str = "") -> str:
    """The approval of exactly this ticket, signed with the key in the file."""
    from sealing import errors
    from sealing import passphrase as key_files
    from sealing.documents import approval
    from sealing.jose import KeySigner

    try:
        text = key_file.read_text()
        person = person or key_files.read_key_file(text).name
        key = key_files.open_signing_key(text, key_files.Passphrase.of(passphrase), use="approver")
    except errors.Refused as refused:
        raise CommandError(str(refused), Exit.DOCUMENT, code=refused.code) from refused
    return approval.issue(ticket, person=person, iat=int(time.time()), signer=KeySigner(key))


def approve(site: Site, ticket_id: str, *, key_file: Path, passphrase: str, seen: Any = None) -> Any:
    """Fetch the document, show it, sign it here, hand the signature in; returns the ticket as it then is."""
    material = site.get(f"tickets/{ticket_id}/document")
    ticket = read_ticket(material["document"])
    if ticket.digest != material["digest"]:
        raise CommandError(
            "the desk names another digest than its document has", Exit.DOCUMENT, code="approval.digest"
        )
    if seen is not None:
        seen(ticket)
    signature = sign(ticket, key_file=key_file, passphrase=passphrase)
    return site.post(f"tickets/{ticket_id}/approvals", {"approval": signature})
