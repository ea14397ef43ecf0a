"""What people and API clients can do about schedules, one action a file."""

from appliance.schedules.actions.add_schedule import add_schedule
from appliance.schedules.actions.edit_schedule import edit_schedule
from appliance.schedules.actions.pause_schedule import pause_schedule
from appliance.schedules.actions.remove_schedule import remove_schedule
from appliance.schedules.actions.resume_schedule import resume_schedule

__all__ = ["add_schedule", "edit_schedule", "pause_schedule", "remove_schedule", "resume_schedule"]
