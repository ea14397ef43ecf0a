"""How third-party rows travel: not at all. They are sessions, derived tables, or empty here."""

from ground.db.portable import portable

portable("sessions.Session", "unit", note="web sessions end with a restore: their people may be others now")
portable("contenttypes.ContentType", "unit", note="derived from the installed apps")
portable("auth.Permission", "unit", note="derived; roles are RoleGrant rows")
portable("auth.Group", "unit", note="not used; roles are RoleGrant rows")
portable(
    "account.EmailAddress", "unit", note="mail addresses stand in accounts.User; allauth makes these anew"
)
portable("account.EmailConfirmation", "unit", note="short-lived")
