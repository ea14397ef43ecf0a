"""Forms of the pages both sides have."""

from __future__ import annotations

from django import forms

from accounts.roles import roles_here

LIFETIMES = [("7", "a week"), ("30", "30 days"), ("90", "90 days"), ("365", "a year")]


class PersonForm(forms.Form):
    username = forms.CharField(
        max_length=150,
        label="User name",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    email = forms.EmailField(required=False, label="E-mail address")
    roles = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        label="Roles",
        required=False,
        help_text="A person may hold several; without one they can only see their own account.",
    )
    customer = forms.ChoiceField(required=False, label="Customer", help_text="Only for a customer's contact.")

    def __init__(
        self, *args: object, customers: list[tuple[str, str]] | None = None, **kwargs: object
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed through as it came
        self.fields["roles"].choices = list(roles_here().items())  # type: ignore[attr-defined]
        if customers is None:
            del self.fields["customer"]
        else:
            self.fields["customer"].choices = [("", "none"), *customers]  # type: ignore[attr-defined]


class RolesForm(forms.Form):
    roles = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="Roles", required=False)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed through as it came
        self.fields["roles"].choices = list(roles_here().items())  # type: ignore[attr-defined]


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        label="What it is for",
        widget=forms.TextInput(attrs={"placeholder": "nightly report"}),
    )
    days = forms.ChoiceField(choices=LIFETIMES, initial="90", label="Good for")
