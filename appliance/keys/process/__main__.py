"""`python -m appliance.keys.process --site DIR`: the key process of one unit. No Django."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from ground.refusals import Refusal
from sealing.errors import SealingError
from sealing.hpke import require_suite

from . import load_verbs
from .hardening import harden
from .holder import Holder
from .server import Server

log = logging.getLogger("strongroom.keys")


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 after a stop, 2 if it could not start (and why, in words, on standard error)."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    for missing in harden():
        log.warning("%s", missing)
    site: Path = options.site.absolute()
    holder = Holder(site)
    try:
        require_suite()
        load_verbs()
        holder.start()
    except Refusal as refusal:
        print(f"{refusal}\n{refusal.next_step}", file=sys.stderr)
        return 2
    except SealingError as error:
        print(error, file=sys.stderr)
        return 2
    allowed = frozenset(options.peer_uid or [os.geteuid()])
    server = Server(holder, site / "run" / "keys.sock", allowed=allowed, group=options.socket_group)
    server.listen()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("ready state=%s", holder.state)
    server.serve()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m appliance.keys.process", description=__doc__)
    parser.add_argument("--site", type=Path, required=True, help="the site's directory")
    parser.add_argument(
        "--peer-uid",
        type=int,
        action="append",
        help="a user id that may speak to this process (repeatable; default: its own)",
    )
    parser.add_argument(
        "--socket-group", type=int, help="group id that may connect, when peers run under other user ids"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
