"""How the event log of a lost unit comes to stand beside this unit's own, in the restored database."""

from __future__ import annotations

from django.db.models import Max

from audit.models import Chain, Event
from ground.refusals import Refusal

_BATCH = 500


class ChainConflict(Refusal):
    """The image tells another story of a chain this unit has itself."""

    code = "audit.chain-conflict"
    kind = "conflict"
    title = "The event log in this image contradicts the one on this unit."
    next_step = "Keep both: one of them was altered. Nothing was restored."


def merge_chains(live: str, scratch: str) -> None:
    """Chains that came with the image become imported ones; this unit's own come beside them.

    An image of this very unit brings an older state of chains it still has: they stay its own.
    """
    Chain.objects.using(scratch).update(origin=Chain.Origin.IMPORTED)
    for chain in Chain.objects.using(live).order_by("started_at"):
        if not Chain.objects.using(scratch).filter(pk=chain.pk).update(origin=chain.origin):
            Chain(id=chain.id, name=chain.name, started_at=chain.started_at, origin=chain.origin).save(
                using=scratch, force_insert=True
            )


def merge_events(live: str, scratch: str) -> None:
    """Add this unit's events to each of its chains; what both have must be the same (`ChainConflict`).

    Either may be the longer one: an older image of a unit was restored here before this newer one.
    """
    for chain in Chain.objects.using(live):
        have = _last_of(scratch, chain)
        common = min(have, _last_of(live, chain))
        if common and _digest_at(scratch, chain, common) != _digest_at(live, chain, common):
            raise ChainConflict(chain=str(chain.id), sequence=common)
        mine = Event.objects.using(live).filter(chain_id=chain.id)
        batch: list[Event] = []
        for event in mine.filter(sequence__gt=have).order_by("sequence").iterator(chunk_size=_BATCH):
            batch.append(event)
            if len(batch) == _BATCH:
                Event.objects.using(scratch).bulk_create(batch)
                batch = []
        Event.objects.using(scratch).bulk_create(batch)


def _last_of(using: str, chain: Chain) -> int:
    found = Event.objects.using(using).filter(chain_id=chain.id).aggregate(n=Max("sequence"))["n"]
    return int(found or 0)


def _digest_at(using: str, chain: Chain, sequence: int) -> str:
    return Event.objects.using(using).get(chain_id=chain.id, sequence=sequence).digest
