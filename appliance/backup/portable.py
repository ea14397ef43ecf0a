"""What of the backup rooms travels. Nothing: the catalogue of images is rebuilt from the signed headers
on the targets (the image just restored is unknown to the database inside it), and targets are places
this unit was connected to by its own admin."""

from ground.db.portable import portable

portable("appliance_backup.BackupTarget", "unit", note="the replacement was connected to it by hand")
portable("appliance_backup.BackupImage", "unit", note="rebuilt from the signed headers on the target")
portable("appliance_backup.RetentionPolicy", "unit", note="goes with its target; the new admin decides anew")
portable("appliance_backup.LoosePack", "unit", note="a look at a target, made again by the next one")
portable("appliance_backup.ImageCopy", "unit", note="rebuilt by looking at the targets")
