"""Ground's own rows: answers remembered for repeated requests stay where they were given."""

from ground.db.portable import portable

portable("ground.IdempotentAnswer", "unit")
