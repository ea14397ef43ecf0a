"""How notices travel: channels do, with the secrets they sign with; what was told stays with its unit."""

from ground.db.portable import portable

portable(
    "appliance_notices.NoticeChannel",
    "image",
    [
        *["id", "created_at", "name", "kind", "settings", "events", "allow_private", "enabled"],
        *["sealed_secret", "secret_made_at"],
    ],
    drop=["last_sent_at", "problem"],
    sealed=["sealed_secret"],
    note="receivers go on with the secret they have; nothing is sent before an admin confirms outbound work",
)
portable("appliance_notices.Notice", "unit", note="the old unit's troubles; the event log has them")
portable("appliance_notices.NoticeRead", "unit", note="belongs to notices, which stay")
portable("appliance_notices.NoticeDelivery", "unit", note="nothing of one unit is sent again by another")
portable("appliance_notices.JobTold", "unit", note="belongs to jobs, which stay")
