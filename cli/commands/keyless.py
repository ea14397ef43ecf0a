"""What can be checked of backups without a key and without a unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.commands.sites import text_of
from cli.exits import CommandError, Exit
from cli.registry import Call, argument, command


@command(
    "verify-target",
    "check a directory target without a key: signatures, chains, and every pack against its digest",
    argument("directory", type=Path),
    argument("--root", type=Path, required=True, help="the manufacturer's root certificate, DER or PEM"),
    argument("--list", type=Path, required=True, dest="authorities", help="the signed authority list"),
    argument("--quick", action="store_true", help="look at the sizes of packs only, do not read them"),
)
def verify_target(call: Call) -> Any:
    from cli import keyless
    from sealing.errors import Refused
    from sealing.trust import Trust

    options = call.options
    try:
        trust = Trust(keyless.read_root(options.root), text_of(options.authorities).strip())
    except (Refused, ValueError) as error:
        raise CommandError(f"root and list do not hold: {error}", Exit.DOCUMENT) from error
    try:
        found = keyless.check(options.directory, trust, quick=options.quick)
    except (OSError, ValueError) as error:
        raise CommandError(str(error), Exit.MISSING) from error
    if not found["sound"]:
        damaged = [image for image in found["images"] if image["problems"]]
        raise CommandError(
            f"{len(damaged)} of {len(found['images'])} images are not sound",
            Exit.DOCUMENT,
            code="image.damaged",
            facts=damaged,
            next_step="Keep this directory as it is; bring the missing or damaged files back from a copy.",
        )
    call.output.note("sound without a key; whether the content opens, the unit's own verification tells")
    return found
