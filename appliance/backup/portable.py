"""What of the backup rooms travels. The catalogue of images does not: it is rebuilt from the signed headers
on the targets (the image just restored is unknown to the database inside it). Targets do, with their
credentials, and wait to be connected again; those that the replacement was connected to by hand stay.
"""

from ground.db.portable import portable

portable(
    "appliance_backup.BackupTarget",
    "merge",
    [
        *["id", "created_at", "name", "kind", "settings", "repository_id", "customer_id", "copy_of"],
        *["credentials", "credentials_set_at", "private_addresses", "bandwidth"],
    ],
    drop=["state", "checked_at", "free_bytes", "problem", "findings", "fresh_to", "freshness"],
    merge="appliance.backup.merging.merge_targets",
    sealed=["credentials"],
    note="what was seen there is seen anew; nothing is contacted before somebody connects it",
)
portable("appliance_backup.BackupImage", "unit", note="rebuilt from the signed headers on the target")
portable("appliance_backup.RetentionPolicy", "unit", note="goes with its target; the new admin decides anew")
portable("appliance_backup.LoosePack", "unit", note="a look at a target, made again by the next one")
portable("appliance_backup.ImageCopy", "unit", note="rebuilt by looking at the targets")
portable("appliance_backup.TargetUse", "unit", note="a look at a target, made again by the next one")
