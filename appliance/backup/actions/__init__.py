"""What people and API clients can do about backups, one action a file: rows and jobs; the engine works."""

from appliance.backup.actions.add_target import add_target
from appliance.backup.actions.connect_target import connect_target
from appliance.backup.actions.edit_target import edit_target
from appliance.backup.actions.remove_target import remove_target
from appliance.backup.actions.start_backup import start_backup
from appliance.backup.actions.start_verify import start_verify

__all__ = ["add_target", "connect_target", "edit_target", "remove_target", "start_backup", "start_verify"]
