"""Hand a carried image out, or take it away again. What is in one is sealed; both are written down."""

from __future__ import annotations

import os

from django.db import transaction

from appliance.backup.carried import check_file_name, directory, open_carried
from appliance.backup.carried.errors import NoSuchCarriedFile
from audit.actor import Actor
from audit.log import record
from ground.files import files


def hand_out_carried(name: str, *, actor: Actor, note: bool = True) -> int:
    """A descriptor of the file, for the caller to send and close. With `note` false a download that broke off
    goes on: it was written down when it began."""
    descriptor = open_carried(directory() / check_file_name(name))
    if note:
        facts = {"file": name, "size": os.fstat(descriptor).st_size}
        with transaction.atomic():
            record("backup.carried-downloaded", actor=actor, subject=f"carried:{name}", facts=facts)
    return descriptor


def remove_carried(name: str, *, actor: Actor) -> None:
    """Delete a file from the directory for carried images. Targets keep what they hold."""
    path = directory() / check_file_name(name)
    descriptor = open_carried(path)
    facts = {"file": name, "size": os.fstat(descriptor).st_size}
    os.close(descriptor)
    with transaction.atomic():
        subject = f"carried:{name}"
        record("backup.carried-removed", actor=actor, subject=subject, facts=facts, outcome="intent")
    try:
        files().unlink(path)
    except OSError as error:
        raise NoSuchCarriedFile(name=name, why=error.strerror or "") from error
    with transaction.atomic():
        record("backup.carried-removed", actor=actor, subject=subject, facts=facts)
