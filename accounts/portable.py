"""How accounts travel: people and roles with the image, tokens stay with the unit that issued them."""

from ground.db.portable import portable

portable(
    "accounts.User",
    "image",
    [
        "id",
        "created_at",
        "username",
        "display_name",
        "email",
        "customer_id",
        "is_active",
        "password",
        "last_login",
    ],
    note="password hashes travel inside the sealed stream; people sign in on the new unit as before",
)
portable("accounts.RoleGrant", "image", ["id", "created_at", "user", "role", "granted_by"])
portable("accounts.ApiToken", "unit", note="a token given to a program names one unit; dropped by a restore")
