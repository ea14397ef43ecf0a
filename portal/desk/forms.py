"""Forms of the desk's pages. They check shape; whether something is allowed the actions decide."""

from __future__ import annotations

from django import forms


class ReasonForm(forms.Form):
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        label="Reason",
        help_text="The customer reads it: say what they can do about it.",
    )


class OptionalReasonForm(forms.Form):
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}), max_length=2000, required=False, label="Reason"
    )


class ReserveForm(forms.Form):
    transfer_request = forms.UUIDField(widget=forms.RadioSelect, label="Replacement")


class ReissueForm(ReasonForm):
    unit = forms.ChoiceField(
        choices=[("kept", "still here"), ("lost", "lost on its way"), ("dead", "dead on arrival")],
        label="The replacement is",
    )


class EditForm(forms.Form):
    contact_email = forms.EmailField(required=False, label="Codes and notices go to")
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), max_length=4000, label="What happened")


class ShipForm(forms.Form):
    carrier = forms.CharField(max_length=100, label="Carrier")
    tracking = forms.CharField(max_length=200, label="Tracking number")
    expected_on = forms.DateField(
        required=False, label="Expected on", widget=forms.DateInput(attrs={"type": "date"})
    )


class ApprovalForm(forms.Form):
    approval = forms.CharField(max_length=20000, widget=forms.HiddenInput)


class IdentifyForm(forms.Form):
    text = forms.CharField(
        max_length=1_000_000,
        strip=False,
        label="A value, a header, a digest or a serial number",
        widget=forms.Textarea(attrs={"rows": 7, "spellcheck": "false", "class": "mono"}),
    )


class CustomerForm(forms.Form):
    name = forms.CharField(max_length=120, label="Name")
    reference = forms.CharField(max_length=64, required=False, label="Your reference")
    contact_email = forms.EmailField(
        label="Contact's e-mail address", help_text="One-time codes and notices go here."
    )


class ApplianceForm(forms.Form):
    name = forms.CharField(max_length=120, label="Name of the appliance")


class AssignForm(forms.Form):
    appliance = forms.ChoiceField(label="Appliance")
    warranty_until = forms.DateField(
        required=False, label="Warranty until", widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: object, appliances: list[tuple[str, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed through as it came
        self.fields["appliance"].choices = appliances  # type: ignore[attr-defined]


class EndedForm(forms.Form):
    how = forms.ChoiceField(
        choices=[("failed", "failed"), ("tampered", "tampered"), ("stolen", "stolen")],
        widget=forms.RadioSelect,
        label="How it ended",
    )
    reason = forms.CharField(max_length=500, required=False, label="Note")


# The ticket wizard


class LossForm(forms.Form):
    unit = forms.ChoiceField(widget=forms.RadioSelect, label="Which unit is lost?")

    def __init__(self, *args: object, units: list[tuple[str, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed through as it came
        self.fields["unit"].choices = units  # type: ignore[attr-defined]


class StoryForm(forms.Form):
    ended = forms.ChoiceField(
        choices=[("failed", "failed"), ("tampered", "tampered"), ("stolen", "stolen")],
        widget=forms.RadioSelect,
    )
    story = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        label="What happened",
        help_text="Who works on the ticket reads this. No passwords, please.",
    )


class ValueForm(forms.Form):
    text = forms.CharField(
        max_length=1_000_000,
        strip=False,
        label="The value",
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "mono"}),
    )
