"""Entry point of `strongroom`: a parser made from the table of commands; errors become exit codes."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence

from cli.exits import CommandError, Exit
from cli.output import Output
from cli.registry import COMMANDS, Call, Command

MODULES = (
    "sites",
    "unit",
    "content",
    "backups",
    "carried",
    "keys",
    "recovery",
    "store",
    "jobs",
    "tickets",
    "registry_of_desk",
    "papers",
    "keyless",
)


# What the words of a group are about, and where: the same command talks to both sides.
GROUPS = {
    "appliance": "at the desk: what customers run, each on its chain of units",
    "approver": "on your own machine: an approver's key file",
    "authority-key": "at the desk: the signed list of authority keys",
    "backup": "on a unit: backup images; start, verify, preview, restore",
    "customer": "at the desk: customers",
    "drill": "at the desk: proofs that values still open",
    "image": "on a unit: virtual images; upload, list, remove",
    "carried": "on a unit: backup images as single files, for a disk that is carried by hand",
    "job": "on either side: long work; watch, cancel, try again",
    "key": "on a unit: key epochs; rotate, drill, get the value",
    "request": "at the desk: transfer requests of units that wait for keys",
    "store": "on a unit: what lies in the content store, and collecting what nothing needs",
    "target": "on a unit: where backups go",
    "ticket": "at the desk: a lost unit's recovery, from opening to close",
    "transfer": "on a replacement: ask for the keys, fetch and install them",
    "unit": "on a unit: what it is; at the desk: units of the registry",
    "value": "at the desk: lodged values, and what a pasted text belongs to",
}


def load_commands() -> None:
    for name in MODULES:
        importlib.import_module(f"cli.commands.{name}")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="strongroom",
        description="The command line of a Strongroom unit and of its manufacturer's desk. "
        "Begin with: strongroom sign-in URL --user NAME",
        epilog="Exit codes: "
        + ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in Exit),
    )
    parser.add_argument("--site", help="name of a site signed in to (default: the last one)")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    groups: dict[str, argparse._SubParsersAction[argparse.ArgumentParser]] = {}
    top = parser.add_subparsers(dest="_first", metavar="COMMAND", required=True)
    for path, entry in sorted(COMMANDS.items()):
        if len(path) == 1:
            below = top
        else:
            if path[0] not in groups:
                about = GROUPS[path[0]]
                group = top.add_parser(path[0], help=about, description=about)
                groups[path[0]] = group.add_subparsers(dest="_second", metavar="COMMAND", required=True)
            below = groups[path[0]]
        added = below.add_parser(path[-1], help=entry.sentence, description=entry.sentence)
        for names, options in entry.arguments:
            added.add_argument(*names, **options)
        # Also after the command, where people write it; absent there means: as said before the command.
        added.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        added.add_argument("--site", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        added.set_defaults(_entry=entry)
    return parser


def run(options: argparse.Namespace) -> Exit:
    entry: Command = options._entry
    output = Output(as_json=options.json)
    call = Call(options, output)
    try:
        output.result(entry.run(call), entry.columns)
    except CommandError as error:
        tell(output, error)
        return error.exit_code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    finally:
        call.close()
    return Exit.OK


def tell(output: Output, error: CommandError) -> None:
    """Show a refusal: title, facts, next step; as JSON on standard output where that was asked for."""
    if output.as_json:
        json.dump(error.as_dict(), sys.stdout, indent=2, ensure_ascii=False, default=str)
        sys.stdout.write("\n")
        return
    output.note(f"{error.title}" + (f"  [{error.code}]" if error.code else ""))
    if error.facts:
        output.note(f"  {json.dumps(error.facts, ensure_ascii=False, default=str)}")
    if error.next_step:
        output.note(f"  {error.next_step}")


def main(arguments: Sequence[str] | None = None) -> int:
    load_commands()
    return int(run(build_parser().parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
