"""What people and API clients can do about recovery, one action a file."""

from appliance.recovery.actions.collect_transfer import collect_transfer, load_transfer_file
from appliance.recovery.actions.confirm_outbound import confirm_outbound
from appliance.recovery.actions.request_transfer import request_transfer
from appliance.recovery.actions.start_object_list import start_object_list
from appliance.recovery.actions.start_object_restore import start_object_restore
from appliance.recovery.actions.start_preview import start_preview
from appliance.recovery.actions.start_restore import start_restore

__all__ = [
    "collect_transfer",
    "confirm_outbound",
    "load_transfer_file",
    "request_transfer",
    "start_object_list",
    "start_object_restore",
    "start_preview",
    "start_restore",
]
