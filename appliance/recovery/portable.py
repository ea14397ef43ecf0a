"""What of the recovery room travels: nothing. A restore is this unit's own affair."""

from ground.db.portable import portable

portable("appliance_recovery.TransferCase", "unit")
portable("appliance_recovery.Restore", "unit")
portable("appliance_recovery.RecoveryReport", "unit")
portable("appliance_recovery.ImageListing", "unit", note="read from the image's manifest")
portable("appliance_recovery.ListedObject", "unit", note="read from the image's manifest")
