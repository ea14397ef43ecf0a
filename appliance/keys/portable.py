"""Nothing about keys travels in an image: imported keys come by transfer, and the rows follow the keyring."""

from ground.db.portable import portable

NOTE = "follows this unit's keyring"

portable("appliance_keys.KeyEpoch", "unit", note=NOTE)
portable("appliance_keys.KeyTransition", "unit", note=NOTE)
portable("appliance_keys.LodgedValue", "unit", note=NOTE)
portable("appliance_keys.ValueDrill", "unit", note=NOTE)
portable("appliance_keys.DrillWaiver", "unit", note="about a key of this unit")
