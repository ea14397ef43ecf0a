"""Forms of the unit's pages. They check shape; whether something is allowed the actions decide."""

from __future__ import annotations

from django import forms


class NameForm(forms.Form):
    name = forms.CharField(max_length=200, label="Name")


class RotateForm(forms.Form):
    reason = forms.CharField(max_length=200, label="Reason", initial="scheduled rotation")
    kind = forms.ChoiceField(
        choices=[("symmetric", "Symmetric (default)"), ("hybrid", "Seed of a hybrid pair")],
        label="Kind of backup key",
        help_text="Either way it only wraps the data keys and never leaves the inside of a unit.",
    )


class WaiveForm(forms.Form):
    why = forms.CharField(max_length=300, label="Reason")


class DigestForm(forms.Form):
    digest = forms.CharField(
        max_length=200,
        label="Digest of what you saved",
        widget=forms.TextInput(attrs={"spellcheck": "false", "class": "mono", "autocomplete": "off"}),
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=40,
        label="One-time code",
        help_text="Three groups of four, as in the mail. Upper or lower case, with or without dashes.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "spellcheck": "false",
                "autocapitalize": "characters",
                "class": "mono",
            }
        ),
    )


class DocumentForm(forms.Form):
    document = forms.CharField(
        max_length=1_000_000,
        strip=True,
        label="Document",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "mono"}),
    )


class DeskForm(forms.Form):
    url = forms.CharField(
        max_length=300,
        required=False,
        label="Address of the desk",
        help_text="Nothing is believed because of it: every document from there is signed.",
        widget=forms.TextInput(attrs={"placeholder": "https://desk.example.com", "spellcheck": "false"}),
    )


class FindForm(forms.Form):
    text = forms.CharField(
        max_length=700_000,
        label="Text",
        help_text="A value, the lines or codes of a value sheet, a receipt, a header, a transfer, a digest, "
        "a key id, a serial number or a name.",
        widget=forms.Textarea(
            attrs={"rows": 6, "spellcheck": "false", "class": "mono", "autocomplete": "off"}
        ),
    )
