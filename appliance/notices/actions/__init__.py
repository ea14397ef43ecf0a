"""What people and API clients can do about notices, one action a file."""

from appliance.notices.actions.add_channel import add_channel
from appliance.notices.actions.edit_channel import edit_channel
from appliance.notices.actions.mark_read import mark_all_read, mark_read
from appliance.notices.actions.remove_channel import remove_channel
from appliance.notices.actions.renew_secret import renew_secret
from appliance.notices.actions.send_test import send_test

__all__ = [
    "add_channel",
    "edit_channel",
    "mark_all_read",
    "mark_read",
    "remove_channel",
    "renew_secret",
    "send_test",
]
