"""Import what a ceremony (or a later change of roster or authority list) made public."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from audit.actor import Actor
from audit.log import record
from manufacturer.registry.errors import TrustOlder
from manufacturer.registry.models import TrustBundle
from manufacturer.registry.trust import reading, trust_bundle
from sealing.encoding import from_b64u
from sealing.errors import EncodingRefused
from sealing.trust import Trust


def import_trust(*, actor: Actor, bundle: dict[str, Any]) -> TrustBundle:
    """`bundle` is the ceremony's public.json. Raises `DocumentRefused`, `TrustOlder`."""
    with reading():
        root, listed, rosters, token = _members(bundle)
        trust = Trust(from_b64u(root), listed, rosters)
        roster = trust.roster
    with transaction.atomic():
        before = trust_bundle()
        if before is not None:
            _check_newer(before, root, listed, rosters)
        row = TrustBundle.objects.create(
            number=1 if before is None else before.number + 1,
            root=root,
            authority_list=listed,
            rosters=rosters,
            custody_token_digest=token,
        )
        record(
            "trust.imported",
            actor=actor,
            subject=trust.root.thumbprint,
            facts={"authority_list": trust.authorities.version, "roster": roster.version},
        )
    return row


def _members(bundle: dict[str, Any]) -> tuple[str, str, list[str], str]:
    root, listed = bundle.get("root"), bundle.get("authority_list")
    rosters, token = bundle.get("rosters"), bundle.get("custody_token_digest")
    if not (isinstance(root, str) and isinstance(listed, str) and isinstance(token, str)):
        raise EncodingRefused("member", "root, authority_list or custody_token_digest is missing")
    if not isinstance(rosters, list) or not rosters or not all(isinstance(text, str) for text in rosters):
        raise EncodingRefused("member", "rosters is missing")
    return root, listed, rosters, token


def _check_newer(before: TrustBundle, root: str, listed: str, rosters: list[str]) -> None:
    """The pinned root stays; lists and rosters only grow."""
    if root != before.root:
        raise TrustOlder(reason="another root")
    with reading():
        old = Trust(from_b64u(before.root), before.authority_list)
        old.take_authority_list(listed)
    if rosters[: len(before.rosters)] != before.rosters:
        raise TrustOlder(reason="rosters do not follow those known here")
