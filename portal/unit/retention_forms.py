"""The form of a retention policy."""

from __future__ import annotations

from typing import Any

from django import forms

from appliance.backup.retention import Policy
from appliance.schedules.selectors import zones

RULES = ("keep_last", "hourly", "daily", "weekly", "monthly", "yearly", "within_days")


def _count(label: str, unit: str, hint: str = "") -> forms.IntegerField:
    """A count of a rule; `unit` is what is counted, and stands behind the field."""
    widget = forms.NumberInput(attrs={"data-unit": unit, "inputmode": "numeric"})
    return forms.IntegerField(
        min_value=0, max_value=10_000, required=False, label=label, help_text=hint, initial=0, widget=widget
    )


class RetentionForm(forms.Form):
    keep_last = _count("Newest", "the last images")
    within_days = _count("Every image", "of the last days", "Counted from the newest verified image.")
    hourly = _count("Hourly", "one for each hour")
    daily = _count("Daily", "one for each day")
    weekly = _count("Weekly", "one for each week")
    monthly = _count("Monthly", "one for each month")
    yearly = _count("Yearly", "one for each year")
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
        label="At most, per cent of the images in one run",
        help_text="A brake against a mistaken policy.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = [(name, name) for name in zones()]  # type: ignore[attr-defined]

    @property
    def rules(self) -> list[Any]:
        return [self[name] for name in RULES]

    @property
    def rest(self) -> list[Any]:
        return [bound for bound in self if bound.name not in RULES]

    def policy(self) -> Policy:
        given = self.cleaned_data
        return Policy(**{rule: given.get(rule) or 0 for rule in RULES}, time_zone=given["time_zone"])
