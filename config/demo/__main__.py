"""``make demo``: the whole journey by REST on real disk images, against three sites of its own.

The last line is one JSON object. Every figure in it was measured in this run: ``bit_exact`` by comparing each
byte of each image with the original, the epochs from the units' keyrings, ``drill_proven`` from the proof the
new epoch carries, ``canary_hits`` from the key processes' and custody's own scans.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console

from cli.exits import CommandError
from config.demo.journey import CUSTODY, DESK, UNIT_A, UNIT_B, Brought, Journey, newest_header
from config.demo.recording import Relay, hooks_into
from config.demo.screen import GIB, Screen
from config.disks import MIB, Disk, DiskError, make_disks
from config.supervisor.setup import FirstStart, renew_after_restore
from config.supervisor.sites import CommandFailedError, hold_port
from config.supervisor.supervisor import NotReadyError
from config.supervisor.world import World

SCANNED = ("db", "broker", "log", "spool", "store", "mail")  # of each site; never secrets/ and keys/


class Demo:
    """One run of the journey in a temporary directory."""

    def __init__(self, root: Path, megabytes: int, screen: Screen) -> None:
        self.root = root
        self.megabytes = megabytes
        self.screen = screen
        self.recordings = root / "http"
        self.temporary = root / "tmp"
        self.temporary.mkdir(parents=True)
        with hold_port() as held:  # the relay in front of the desk is there before the desk
            desk_port = held.getsockname()[1]
            self.relay = Relay(self.recordings, desk_port)
            self.world = World(
                root / "sites",
                say=screen.say,
                ports={DESK: desk_port},
                desk_address=f"http://localhost:{self.relay.port}",
                extra={"TMPDIR": str(self.temporary)},
            )
        self.target = root / "sites" / "target"
        self.journey = Journey(self.world, hooks=hooks_into(self.recordings / "demo.http"), seen=screen.job)
        self.brought: list[Brought] = []

    def close(self) -> None:
        self.world.stop()
        self.relay.stop()

    def play(self) -> dict[str, Any]:
        with ThreadPoolExecutor(1) as pool:
            disks = pool.submit(make_disks, self.root / "disks", megabytes=self.megabytes)
            with self.screen.step("three sites, a ceremony, a first key lodged and drilled"):
                FirstStart(self.world).run()
            old_epoch = self.journey.active_epoch(UNIT_A)
            self.bring_in(disks)
        with self.screen.step("backup to a target outside, every chunk verified") as told:
            image = self.journey.back_up(UNIT_A, self.target)
            content, stored = image["content_bytes"] / GIB, image["stored_bytes"] / GIB
            told.append(f"{content:.2f} GiB content, {stored:.2f} GiB sealed")
        hits = self.scan(UNIT_A)
        with self.screen.step("the unit is lost for good: its directory is removed"):
            self.world.forget_site(UNIT_A)
            shutil.rmtree(self.world.sites[UNIT_A].root)
        ticket = self.recover_the_key()
        with self.screen.step("preview and restore on the replacement"):
            newest = self.journey.newest_image(UNIT_B, self.target)
            self.journey.preview(UNIT_B, newest["id"])
            self.journey.restore(UNIT_B, newest["id"])
            renew_after_restore(self.world)
        with self.screen.step("every byte of every image compared with the original") as told:
            exact = [self.journey.compare(UNIT_B, brought) for brought in self.brought]
            told.append(f"{sum(exact)} of {len(exact)} bit-exact")
        new_epoch = self.finish(ticket)
        hits += self.scan(UNIT_B, CUSTODY)
        return {
            "bit_exact": all(exact) and bool(exact),
            "images": len(self.brought),
            "bytes": sum(brought.size for brought in self.brought),
            "old_epoch": old_epoch["epoch"],
            "new_epoch": new_epoch["epoch"],
            "drill_proven": is_drilled(new_epoch) and new_epoch["key_id"] != old_epoch["key_id"],
            "canary_hits": hits,
            "seconds": round(self.screen.seconds, 1),
        }

    def bring_in(self, disks: Future[list[Disk]]) -> None:
        with self.screen.step("ext4 disk images made from this machine's trees") as told:
            made = disks.result()
            told.append(", ".join(f"{disk.name} {disk.size // MIB} MiB" for disk in made))
        for disk in made:
            with self.screen.step(f"upload of {disk.name}, sealed on entry"):
                self.brought.append(
                    self.journey.bring_in(UNIT_A, disk.path, disk.name, sent=self.screen.sent)
                )

    def recover_the_key(self) -> str:
        """From the header alone, through the desk: ticket, two approvals, custody, shipment, transfer."""
        with self.screen.step("ticket opened with an image's header; replacement reserved"):
            self.journey.request_transfer(UNIT_B)
            ticket = self.journey.open_ticket(newest_header(self.target))
            self.journey.reserve(ticket)
        with self.screen.step("two people approve with their own keys; custody seals to the replacement"):
            self.journey.approve(ticket)
            self.journey.wait_ticket(ticket, "ready")
        with self.screen.step("shipped, received, transfer collected with the mailed code"):
            self.journey.collect(UNIT_B, self.journey.ship(ticket))
            self.journey.wait_ticket(ticket, "installed")
        return ticket

    def finish(self, ticket: str) -> Mapping[str, Any]:
        with self.screen.step("rotation before the first backup; new value lodged and drilled"):
            epoch = self.journey.rotate(UNIT_B, "after the restore")
        with self.screen.step("first backup of the new epoch, verified; the ticket closes"):
            self.journey.back_up(UNIT_B, self.target)
            self.journey.wait_ticket(ticket, "restored")
            self.journey.close(ticket)
        return epoch

    def scan(self, *sites: str) -> int:
        """Hits of the sites' own secrets everywhere that is not their secret store."""
        with self.screen.step(f"scan for keys by {', '.join(sites)}") as told:
            paths = [
                self.world.sites[name].root / part
                for name in (UNIT_A, DESK, CUSTODY, UNIT_B)
                for part in SCANNED
                if (self.world.sites[name].root / part).exists()
            ]
            paths += [self.target, self.recordings, self.temporary]
            found = [self.journey.scan(name, *paths) for name in sites]
            hits = sum(int(report["canary_hits"]) for report in found)
            looked = sum(report["bytes"] for report in found) / GIB
            told.append(
                f"{hits} hits in {looked:.2f} GiB, {sum(report['skipped'] for report in found)} skipped"
            )
        return hits


def is_drilled(epoch: Mapping[str, Any]) -> bool:
    """Whether the epoch's proof is a drill, not a waiver."""
    return bool(epoch["proof_how"] == "drilled")


def main() -> int:
    parser = argparse.ArgumentParser(description="Play the whole journey on real disk images.")
    parser.add_argument("--megabytes", type=int, default=400, help="content of each of the three images")
    parser.add_argument("--keep", action="store_true", help="leave the directory for a look afterwards")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(soft_wrap=True)
    root = Path(tempfile.mkdtemp(prefix="strongroom-demo-"))
    console.print(f"playing in {root}", markup=False, highlight=False)
    try:
        with Screen(console) as screen:
            demo = Demo(root, options.megabytes, screen)
            try:
                result = demo.play()
            finally:
                demo.close()
    except (CommandError, CommandFailedError, NotReadyError, DiskError, TimeoutError) as error:
        console.print(f"the demo stopped: {error}", markup=False)
        console.print(f"logs: {root}/sites/*/log", markup=False)
        return 1
    finally:
        if not options.keep:
            shutil.rmtree(root, ignore_errors=True)
    print(json.dumps(result), flush=True)
    return 0 if result["bit_exact"] and result["drill_proven"] and not result["canary_hits"] else 1


if __name__ == "__main__":
    sys.exit(main())
