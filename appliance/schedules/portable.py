"""How schedules travel: the rules do, what came of them here does not.

A restored schedule finds its target again by the repository on it, once somebody has connected it to the new
unit; until then it runs nothing and says so. Outbound work is paused until an admin has looked.
"""

from ground.db.portable import portable

portable(
    "appliance_schedules.BackupSchedule",
    "image",
    [
        *["id", "created_at", "name", "task", "target_name", "repository_id", "which", "depth"],
        *["rule", "zone", "catch_up", "enabled", "paused_why", "since"],
    ],
    drop=["target", "next_due_at", "version"],
    note="targets stay with their unit; the sweeper joins them again by repository",
)
portable("appliance_schedules.Occurrence", "unit", note="what ran on a unit is that unit's history")
