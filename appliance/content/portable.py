"""Uploads do not travel: the spool is sealed to this unit's own key."""

from ground.db.portable import portable

portable("appliance_content.Upload", "unit", note="sealed to a key of this unit, and still arriving")
