"""Jobs are work in flight of one machine: none travels."""

from ground.db.portable import portable

portable("jobs.Job", "unit")
portable("jobs.JobLine", "unit")
