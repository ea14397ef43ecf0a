"""Nothing of the unit's row travels: the unit that is restored to has its own serial, identity and state."""

from ground.db.portable import portable

portable("appliance_unit.Unit", "unit", note="identity, state and desk address are the machine's own")
