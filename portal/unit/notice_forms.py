"""The form of a way to tell people."""

from __future__ import annotations

import re
from typing import Any

from django import forms

EVENTS = [
    ("failure", "Something failed"),
    ("damage", "Something is damaged"),
    ("missed", "Something did not happen"),
    ("recovery", "An earlier trouble is over"),
]


class ChannelForm(forms.Form):
    name = forms.CharField(
        max_length=100, label="Name", widget=forms.TextInput(attrs={"placeholder": "operations"})
    )
    kind = forms.ChoiceField(choices=[("mail", "Mail"), ("webhook", "Signed webhook")], label="Kind")
    to = forms.CharField(
        max_length=4000,
        label="Mail addresses, or the webhook's address",
        help_text="Several mail addresses by commas. A webhook takes one https address.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "none"}),
    )
    events = forms.MultipleChoiceField(
        choices=EVENTS,
        label="Tells of",
        initial=[name for name, _label in EVENTS],
        widget=forms.CheckboxSelectMultiple,
    )
    allow_private = forms.BooleanField(
        required=False,
        label="The webhook stands in our own network",
        help_text="Without this, private and loopback addresses are never called.",
    )

    def arguments(self) -> dict[str, Any]:
        """What `add_channel` takes."""
        given = self.cleaned_data
        addresses = [part for part in re.split(r"[\s,;]+", given["to"]) if part]
        settings = {"to": addresses} if given["kind"] == "mail" else {"url": given["to"].strip()}
        names = ("name", "kind", "events", "allow_private")
        return {**{name: given[name] for name in names}, "settings": settings}
