"""The form of a schedule, in the words of a calendar. Whether a rule can run, the schedules room decides."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Case, When

from appliance.backup.selectors import targets
from appliance.schedules.calendar import DAY_NAMES, MONTH_NAMES, WEEKDAYS
from appliance.schedules.selectors import zones

EVERY = [
    ("hour", "Every hour"),
    ("day", "Every day"),
    ("weekdays", "Monday to Friday"),
    ("week", "On days of the week"),
    ("month-day", "On a day of the month"),
    ("month-nth", "On a weekday of the month"),
]
TASKS = [
    ("backup", "Back up"),
    ("verify", "Verify"),
    ("prune", "Prune by the target's policy"),
    ("copy", "Bring a copy up to date"),
    ("collect", "Collect in the content store"),
]
NTH = [("1", "first"), ("2", "second"), ("3", "third"), ("4", "fourth"), ("5", "fifth"), ("-1", "last")]
DAYS = [*((str(day), str(day)) for day in range(1, 32)), ("-1", "the last day")]
WEEK = list(zip(WEEKDAYS, DAY_NAMES, strict=True))
MONTHS = [(str(number), name) for number, name in enumerate(MONTH_NAMES, 1)]


class ScheduleForm(forms.Form):
    """`rule()` is the rule as the schedules room reads it."""

    name = forms.CharField(
        max_length=100, label="Name", widget=forms.TextInput(attrs={"placeholder": "nightly"})
    )
    task = forms.ChoiceField(choices=TASKS, label="What")
    target = forms.ModelChoiceField(targets(), label="Target", empty_label=None, required=False)
    which = forms.ChoiceField(
        choices=[("newest", "The newest image"), ("all", "Every image")], label="Which", required=False
    )
    depth = forms.ChoiceField(
        choices=[("full", "Open every chunk"), ("digests", "Storage against digests, without a key")],
        label="How deep",
        required=False,
    )
    every = forms.ChoiceField(choices=EVERY, label="When", initial="day")
    minute = forms.IntegerField(min_value=0, max_value=59, required=False, initial=15, label="At minute")
    at = forms.TimeField(
        required=False,
        label="At",
        initial="02:30",
        input_formats=["%H:%M", "%H:%M:%S"],
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )
    on = forms.MultipleChoiceField(
        choices=WEEK, required=False, label="Days", widget=forms.CheckboxSelectMultiple
    )
    day = forms.ChoiceField(choices=DAYS, required=False, label="Day", initial="1")
    nth = forms.ChoiceField(choices=NTH, required=False, label="Which one")
    weekday = forms.ChoiceField(
        choices=[*WEEK, ("weekday", "weekday (Monday to Friday)")], required=False, label="Weekday"
    )
    months = forms.MultipleChoiceField(
        choices=MONTHS,
        required=False,
        label="Only in",
        help_text="None chosen: in every month.",
        widget=forms.CheckboxSelectMultiple,
    )
    zone = forms.ChoiceField(
        label="Time zone", help_text="By the clock on the wall there, summer time included."
    )
    catch_up = forms.BooleanField(
        required=False,
        initial=True,
        label="Catch up one missed run",
        help_text="When the unit was off at the time, the run follows as soon as it is back.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["zone"].choices = [(name, name) for name in zones()]  # type: ignore[attr-defined]
        # What can be used comes first, so that nobody sets a schedule onto a lost disk by not looking.
        by_use = Case(When(state="ready", then=0), default=1)
        self.fields["target"].queryset = targets().order_by(by_use, "name")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Collecting has no target, everything else has one."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("task") == "collect":
            given["target"] = None
        elif not given.get("target") and "target" not in self.errors:
            self.add_error("target", "This needs a target.")
        return given

    def rule(self) -> dict[str, Any]:
        """What was filled in, as far as it belongs to the kind of rule that was chosen."""
        given = self.cleaned_data
        rule = self._days(given)
        if given["every"] != "hour":
            rule["at"] = f"{given['at']:%H:%M}" if given.get("at") else ""
        if given["months"]:
            rule["months"] = [int(month) for month in given["months"]]
        return rule

    @staticmethod
    def _days(given: dict[str, Any]) -> dict[str, Any]:
        match given["every"]:
            case "hour":
                return {"every": "hour", "minute": given.get("minute")}
            case "week":
                return {"every": "week", "on": given["on"]}
            case "month-day":
                return {"every": "month", "day": int(given["day"] or 0)}
            case "month-nth":
                return {"every": "month", "nth": int(given["nth"] or 0), "weekday": given["weekday"]}
            case other:
                return {"every": other}


def filled(schedule: Any) -> dict[str, Any]:
    """What the form of an existing schedule begins with."""
    rule = schedule.rule
    every = rule["every"]
    if every == "month":
        every = "month-day" if "day" in rule else "month-nth"
    shown = {name: str(rule[name]) for name in ("day", "nth") if name in rule}
    kept = {name: rule[name] for name in ("minute", "at", "on", "weekday") if name in rule}
    fields = ("name", "task", "which", "depth", "zone", "catch_up")
    return {
        **{name: getattr(schedule, name) for name in fields},
        **kept,
        **shown,
        "every": every,
        "months": [str(month) for month in rule.get("months", [])],
        "target": schedule.target_id,
    }
