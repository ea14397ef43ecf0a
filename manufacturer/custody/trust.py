"""What custody pins: the root, the newest authority list, and every roster since the ceremony.

Versions never decrease: the rows are only ever added to, and `Trust` refuses whatever does not follow.
"""

from __future__ import annotations

from django.db import transaction

from manufacturer.custody.models import AuthorityListVersion, RosterVersion
from sealing.documents.roster import Roster
from sealing.encoding import b64u, from_b64u
from sealing.errors import Misuse
from sealing.trust import Trust


def current_trust() -> Trust:
    """Built anew from the store each time: nothing in memory can be older than what was taken."""
    newest = AuthorityListVersion.objects.order_by("-version").first()
    if newest is None:
        raise Misuse("this custody has no authority list: run the ceremony")
    rosters = RosterVersion.objects.order_by("version").values_list("document", flat=True)
    return Trust(from_b64u(newest.root), newest.document, rosters)


def begin(root: bytes, authority_list: str, roster: str) -> Trust:
    """What the ceremony made; once."""
    trust = Trust(root, authority_list, [roster])
    with transaction.atomic():
        if AuthorityListVersion.objects.exists():
            raise Misuse("this custody has been given its trust already")
        AuthorityListVersion.objects.create(
            version=trust.authorities.version, document=authority_list, root=b64u(root)
        )
        RosterVersion.objects.create(version=trust.roster.version, document=roster)
    return trust


def take_roster(text: str) -> Roster:
    """The roster that follows the one in force. `Refused` when it does not, or its signer may not."""
    with transaction.atomic():
        roster = current_trust().take_roster(text)
        RosterVersion.objects.create(version=roster.version, document=text)
    return roster


def take_authority_list(text: str) -> int:
    """A newer list under the pinned root; the same again is harmless."""
    with transaction.atomic():
        newest = AuthorityListVersion.objects.order_by("-version").first()
        if newest is None:
            raise Misuse("this custody has no authority list: run the ceremony")
        taken = current_trust().take_authority_list(text)
        AuthorityListVersion.objects.get_or_create(
            version=taken.version, defaults={"document": text, "root": newest.root}
        )
    return taken.version
