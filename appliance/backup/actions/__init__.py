"""What people and API clients can do about backups, one action a file: rows and jobs; the engine works."""

from appliance.backup.actions.add_target import add_target
from appliance.backup.actions.clear_retention import clear_retention
from appliance.backup.actions.connect_target import connect_target
from appliance.backup.actions.edit_target import edit_target
from appliance.backup.actions.expire_image import expire_image
from appliance.backup.actions.hand_out_carried import hand_out_carried, remove_carried
from appliance.backup.actions.keep_image import keep_image
from appliance.backup.actions.protect_image import protect_image, unprotect_image
from appliance.backup.actions.remove_target import remove_target
from appliance.backup.actions.retire_key import retire_key
from appliance.backup.actions.set_retention import set_retention
from appliance.backup.actions.start_backup import start_backup
from appliance.backup.actions.start_copy import start_copy
from appliance.backup.actions.start_export import start_export
from appliance.backup.actions.start_import import start_import
from appliance.backup.actions.start_prune import start_prune
from appliance.backup.actions.start_use import start_use
from appliance.backup.actions.start_verify import start_verify
from appliance.backup.actions.start_verify_due import start_verify_due

__all__ = [
    "add_target",
    "clear_retention",
    "connect_target",
    "edit_target",
    "expire_image",
    "hand_out_carried",
    "keep_image",
    "protect_image",
    "remove_carried",
    "remove_target",
    "retire_key",
    "set_retention",
    "start_backup",
    "start_copy",
    "start_export",
    "start_import",
    "start_prune",
    "start_use",
    "start_verify",
    "start_verify_due",
    "unprotect_image",
]
