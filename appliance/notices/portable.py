"""How notices travel: channels do, without their secrets; what was told stays with its unit."""

from ground.db.portable import portable

portable(
    "appliance_notices.NoticeChannel",
    "image",
    ["id", "created_at", "name", "kind", "settings", "events", "allow_private", "enabled"],
    drop=["sealed_secret", "secret_made_at", "last_sent_at", "problem"],
    note="a secret is sealed to one unit's key; on another a webhook asks for a new one before it sends",
)
portable("appliance_notices.Notice", "unit", note="the old unit's troubles; the event log has them")
portable("appliance_notices.NoticeRead", "unit", note="belongs to notices, which stay")
portable("appliance_notices.NoticeDelivery", "unit", note="nothing of one unit is sent again by another")
portable("appliance_notices.JobTold", "unit", note="belongs to jobs, which stay")
