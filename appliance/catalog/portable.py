"""How the catalogue travels: all of it. What was not ready has no content in the image (`settle`)."""

from ground.db.portable import portable

portable(
    "appliance_catalog.VirtualImage",
    "image",
    fields=[
        "id",
        "created_at",
        "name",
        "description",
        "owner",
        "owner_name",
        "source",
        "declared_sha256",
        "state",
        "state_changed_at",
        "problem",
        "size",
        "data_size",
        "new_bytes",
        "sha256",
        "recipe",
    ],
    drop=["upload_id", "path"],
    note="spool and file paths belong to the old unit",
)
