"""The form of a retention policy."""

from __future__ import annotations

from typing import Any

from django import forms

from appliance.backup.retention import Policy
from appliance.schedules.selectors import zones

RULES = ("keep_last", "hourly", "daily", "weekly", "monthly", "yearly", "within_days")


def _count(label: str, hint: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        min_value=0, max_value=10_000, required=False, label=label, help_text=hint, initial=0
    )


class RetentionForm(forms.Form):
    keep_last = _count("The last")
    within_days = _count("All of the last days", "Counted back from the newest verified image.")
    hourly = _count("One of each of so many hours")
    daily = _count("One of each of so many days")
    weekly = _count("One of each of so many weeks")
    monthly = _count("One of each of so many months")
    yearly = _count("One of each of so many years")
    time_zone = forms.ChoiceField(label="By the calendar of")
    grace_days = forms.IntegerField(
        min_value=0,
        max_value=3650,
        initial=7,
        label="Days of grace",
        help_text="From marked to deleted. Until then an image restores, and can be brought back.",
    )
    quota_percent = forms.IntegerField(
        min_value=1,
        max_value=100,
        initial=50,
        label="At most so many per cent in one run",
        help_text="A brake against a mistaken policy.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = [(name, name) for name in zones()]  # type: ignore[attr-defined]

    def policy(self) -> Policy:
        given = self.cleaned_data
        return Policy(**{rule: given.get(rule) or 0 for rule in RULES}, time_zone=given["time_zone"])
