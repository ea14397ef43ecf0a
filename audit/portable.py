"""How the event log travels: the old unit's chain comes back read-only beside the new unit's own."""

from ground.db.portable import portable

portable("audit.Chain", "merge", ["id", "name", "started_at", "origin"], merge="audit.transfer.merge_chains")
portable(
    "audit.Event",
    "merge",
    [
        "id",
        "chain",
        "sequence",
        "at",
        "action",
        "outcome",
        "actor_kind",
        "actor_id",
        "actor_name",
        "subject",
        "facts_json",
        "previous",
        "digest",
    ],
    merge="audit.transfer.merge_events",
)
