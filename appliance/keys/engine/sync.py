"""Let the rows follow the keyring. Idempotent; run at start-up and after every step of a rotation."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from appliance.keys.client import EpochInfo, KeyProcess, Status
from appliance.keys.models import KeyEpoch, KeyTransition, LodgedValue
from appliance.unit.engine.follow import follow
from appliance.unit.models import Unit
from audit.actor import Actor
from audit.log import record
from sealing.jose import peek

from .process import key_process


def sync(*, actor: Actor, keys: KeyProcess | None = None) -> Status:
    """Ask the key process and write what differs: unit, keys, transitions, values."""
    process = keys or key_process()
    status = process.status()
    follow(status, actor=actor)
    sources = [info.source for info in status.epochs if info.source]
    if sources:
        Unit.objects.filter(only=True).exclude(replaces_serial=sources[-1]).update(
            replaces_serial=sources[-1]
        )
    if status.state == "ready":
        texts = {info.key_id: process.values(info.key_id) for info in status.epochs if info.value_digests}
        with transaction.atomic():
            sync_from(status, texts, actor=actor)
    return status


def sync_from(status: Status, values: dict[str, tuple[str, ...]], *, actor: Actor) -> None:
    """Inside a transaction: rows as the keyring says. Whoever is no longer active goes first."""
    for info in sorted(status.epochs, key=lambda item: item.state == "active"):
        row = _follow_epoch(info, status)
        _follow_values(row, info, values.get(info.key_id, ()))
    known = KeyTransition.objects.count()
    for ordinal, item in enumerate(status.transitions):
        if ordinal < known:
            continue
        KeyTransition.objects.create(
            ordinal=ordinal,
            key_id=item.key_id,
            old=item.old,
            new=item.new,
            who=item.who,
            why=item.why,
            at=_time(item.at),
        )
        epoch = status.epoch(item.key_id)
        record(
            "keys.moved",
            actor=actor,
            subject=f"key:{item.key_id}",
            facts={
                "epoch": None if epoch is None else epoch.epoch,
                "old": item.old,
                "new": item.new,
                "who": item.who,
                "why": item.why,
            },
        )


def _follow_epoch(info: EpochInfo, status: Status) -> KeyEpoch:
    mine = [item for item in status.transitions if item.key_id == info.key_id]
    activated = [item.at for item in mine if item.new == "active"]
    ended = [item.at for item in mine if item.old in ("active", "pre-activation") and item.new != "active"]
    proof = info.proof or {}
    facts: dict[str, Any] = {
        "epoch": info.epoch,
        "kind": info.kind,
        "origin": info.origin,
        "state": info.state,
        "commitment": info.commitment,
        "data_key_id": info.data_key_id,
        "source_serial": info.source,
        "made_at": _time(info.created),
        "activated_at": _time(activated[0]) if activated else None,
        "ended_at": _time(ended[0]) if ended else None,
        "durable": info.durable,
        "downloaded": info.downloaded,
        "proof_how": proof.get("how", ""),
        "proof_at": _time(proof["at"]) if proof else None,
        "proof_by": list(proof.get("by", ())),
        "proof_detail": proof.get("detail", ""),
    }
    row = KeyEpoch.objects.filter(key_id=info.key_id).first()
    if row is None:
        return KeyEpoch.objects.create(key_id=info.key_id, **facts)
    changed = [name for name, value in facts.items() if getattr(row, name) != value]
    if changed:
        for name in changed:
            setattr(row, name, facts[name])
        row.save(update_fields=changed)
    return row


def _follow_values(row: KeyEpoch, info: EpochInfo, texts: tuple[str, ...]) -> None:
    """R3: the records stand in two places, the keyring and here, before anything depends on them."""
    by_digest = dict(zip(info.value_digests, texts, strict=False))
    row.values.filter(current=True).exclude(digest__in=info.value_digests).update(current=False)
    for digest, text in by_digest.items():
        LodgedValue.objects.get_or_create(
            digest=digest,
            defaults={
                "epoch": row,
                "document": text,
                # shown and joined by; who may rely on it reads the signed document
                "authority_key_id": str(peek(text).header.get("authority", ""))[:43],
            },
        )


def _time(at: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(at, tz=dt.UTC)
