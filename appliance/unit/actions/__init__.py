"""What can be done to the unit, one action a file."""

from .declare_tampered import declare_tampered
from .first_installation import first_installation
from .move_unit import move_unit
from .pause_outbound import confirm_outbound, pause_outbound
from .refresh_authority_list import refresh_authority_list
from .set_desk import set_desk

__all__ = [
    "confirm_outbound",
    "declare_tampered",
    "first_installation",
    "move_unit",
    "pause_outbound",
    "refresh_authority_list",
    "set_desk",
]
