"""A unit."""

from config.settings.web import *  # noqa: F403
from config.settings.web import SPECTACULAR_SETTINGS

SPECTACULAR_SETTINGS |= {
    "TITLE": "Strongroom unit",
    "DESCRIPTION": "Virtual images, sealed backups, keys and recovery of one unit.",
    "ENUM_NAME_OVERRIDES": {
        "UnitStateEnum": "appliance.unit.models.Unit.State",
        "KeyStateEnum": "appliance.keys.models.KeyEpoch.State",
        "DrillStateEnum": "appliance.keys.models.ValueDrill.State",
        "JobStateEnum": "jobs.models.Job.State",
        "NoticeChannelKindEnum": "appliance.notices.models.NoticeChannel.Kind",
        "ScheduleDepthEnum": "appliance.schedules.models.BackupSchedule.Depth",
    },
}
