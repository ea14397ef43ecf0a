"""Which images of a target stay, and why: pure functions of a policy and of facts about images."""

from appliance.backup.retention.policy import Facts, Kept, Plan, Policy, Reason, decide
from appliance.backup.retention.simulate import Day, Simulation, occurrences, simulate

__all__ = [
    "Day",
    "Facts",
    "Kept",
    "Plan",
    "Policy",
    "Reason",
    "Simulation",
    "decide",
    "occurrences",
    "simulate",
]
