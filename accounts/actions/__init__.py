"""What administrators and people do with accounts."""

from accounts.actions.change_password import change_password, set_password
from accounts.actions.create_user import create_user
from accounts.actions.deactivate_user import activate_user, deactivate_user
from accounts.actions.edit_user import edit_user
from accounts.actions.grant_role import grant_role, revoke_role
from accounts.actions.issue_token import issue_token, revoke_token

__all__ = [
    "activate_user",
    "change_password",
    "create_user",
    "deactivate_user",
    "edit_user",
    "grant_role",
    "issue_token",
    "revoke_role",
    "revoke_token",
    "set_password",
]
