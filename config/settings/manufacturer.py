"""The manufacturer's desk."""

from config.settings.web import *  # noqa: F403
from config.settings.web import SPECTACULAR_SETTINGS

SPECTACULAR_SETTINGS |= {
    "TITLE": "Strongroom desk",
    "DESCRIPTION": "Customers, units, lodged values and tickets at the manufacturer's desk.",
    "ENUM_NAME_OVERRIDES": {
        **SPECTACULAR_SETTINGS.get("ENUM_NAME_OVERRIDES", {}),
        "UnitStateEnum": "manufacturer.registry.models.Unit.State",
        "TransferRequestStateEnum": "manufacturer.registry.models.TransferRequest.State",
        "TicketStateEnum": "manufacturer.rma.models.Ticket.State",
        "AttemptStateEnum": "manufacturer.rma.models.Attempt.State",
        "DrillStateEnum": "manufacturer.escrow.models.Drill.State",
    },
}
