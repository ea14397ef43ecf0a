"""Documents read and signed on one's own machine: only handing in an approval needs a server."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Any

from cli import approvals
from cli.commands.sites import read_password, text_of
from cli.commands.tickets import TICKET, brief, ticket_id
from cli.exits import CommandError, Exit
from cli.registry import Call, argument, command

PASSPHRASE = argument("--passphrase-file", type=Path, help="instead of asking for the key file's passphrase")


@command(
    "inspect",
    "what a value, a header or any other document says of itself (unverified)",
    argument("file", type=Path, help="- for standard input"),
)
def inspect(call: Call) -> Any:
    from sealing import errors, jose
    from sealing.encoding import normalise_pasted

    text = normalise_pasted(text_of(call.options.file))
    try:
        found = jose.peek(text)
        digest = jose.digest(text)
    except errors.Refused as refused:
        raise CommandError(str(refused), Exit.DOCUMENT, code=refused.code) from refused
    header = {name: member for name, member in found.header.items() if name not in {"alg", "typ", "x5c"}}
    call.output.note("unverified: this is what the document says of itself")
    return {"type": found.typ, "digest": digest, "bytes": len(text), **header, **found.claims}


@command(
    "approver new-key",
    "make an approver's key file; the private half stays here under a passphrase",
    argument("person", help="the account's name at the desk"),
    argument("file", type=Path),
    PASSPHRASE,
)
def new_key(call: Call) -> Any:
    options = call.options
    passphrase = read_password(options.passphrase_file, "Passphrase of the new key file: ")
    if options.passphrase_file is None and sys.stdin.isatty() and passphrase != getpass.getpass("Again: "):
        raise CommandError("the passphrases differ", Exit.USAGE)
    public = approvals.new_key_file(options.file, options.person, passphrase)
    call.output.note(f"give {options.file.with_suffix('.pub')} to a custodian, who puts it on the roster")
    return public


@command(
    "ticket approve",
    "show a ticket's exact document, and sign it here with one's own key",
    TICKET,
    argument("--key", type=Path, required=True, help="the approver's key file"),
    argument("--confirm", metavar="NUMBER", help="the ticket's number, instead of being asked for it"),
    PASSPHRASE,
)
def approve(call: Call) -> Any:
    options = call.options

    def seen(ticket: Any) -> None:
        """The person reads what is signed, and says so by typing the number."""
        call.output.note(ticket.render())
        typed = options.confirm or input("Type the ticket's number to approve exactly this: ")
        if typed.strip() != ticket.number:
            raise CommandError("not approved: that is not the ticket's number", Exit.USAGE)

    identifier = ticket_id(call)
    passphrase = read_password(options.passphrase_file, f"Passphrase of {options.key}: ")
    return brief(
        approvals.approve(call.site, identifier, key_file=options.key, passphrase=passphrase, seen=seen)
    )
