"""Nothing travels: the spool is sealed to this unit's own key, and looks are looks at this unit's store."""

from ground.db.portable import portable

portable("appliance_content.Upload", "unit", note="sealed to a key of this unit, and still arriving")
portable("appliance_content.StoreLook", "unit", note="figures of this unit's own store")
