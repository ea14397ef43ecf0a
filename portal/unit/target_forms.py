"""Forms of backup targets, one for each kind. Secrets go in and never come back: no field echoes one."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django import forms

from appliance.backup.selectors import targets

MEGA = 1_000_000  # people think of limits in MB a second


class Unshown(forms.Textarea):
    """A text area that never renders what was typed into it, as a password field does not."""

    def format_value(self, value: Any) -> str:
        del value  # whatever it was
        return ""


def _plain(label: str, *, required: bool = False, example: str = "", hint: str = "") -> forms.CharField:
    attrs = {"spellcheck": "false", "autocapitalize": "none", "autocomplete": "off", "class": "mono"}
    widget = forms.TextInput(attrs={**attrs, "placeholder": example})
    return forms.CharField(max_length=1000, label=label, required=required, help_text=hint, widget=widget)


def _secret(label: str, hint: str = "") -> forms.CharField:
    attrs = {"autocomplete": "new-password", "spellcheck": "false", "class": "mono"}
    return forms.CharField(
        max_length=16_384,
        label=label,
        required=False,
        strip=False,
        help_text=hint,
        widget=forms.PasswordInput(render_value=False, attrs=attrs),
    )


class KindForm(forms.Form):
    """What every kind has. `SETTINGS` and `SECRETS` name the fields that are the kind's own."""

    kind: ClassVar[str] = ""
    title: ClassVar[str] = ""
    SETTINGS: ClassVar[tuple[str, ...]] = ()
    SECRETS: ClassVar[tuple[str, ...]] = ()
    NEEDED: ClassVar[tuple[str, ...]] = ()  # secrets without which a new target is none
    REMOTE: ClassVar[bool] = True

    name = forms.CharField(
        max_length=100, label="Name", widget=forms.TextInput(attrs={"placeholder": "vault shelf 3"})
    )

    def __init__(self, *args: Any, target: Any = None, blank: bool = False, **kwargs: Any) -> None:
        """`target`: to change it. `blank`: on a unit that backs nothing up, so that no copy is offered."""
        if target is not None:
            kwargs["initial"] = {**self.kept(target), **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        self.fields["bandwidth"] = forms.DecimalField(
            min_value=Decimal("0.02"),
            max_value=Decimal(100_000),
            required=False,
            label="Bandwidth limit, MB a second",
            help_text="Empty: as fast as it goes.",
        )
        if self.REMOTE:
            self.fields["private_addresses"] = forms.BooleanField(
                required=False,
                label="It stands in our own network",
                help_text="Without this, private and loopback addresses are never called.",
            )
        for name in self.NEEDED if target is None else ():
            self.fields[name].required = True
        if target is None and not blank:
            originals = targets().filter(copy_of=None).exclude(repository_id=None)
            self.fields["copy_of"] = forms.ModelChoiceField(
                originals,
                required=False,
                label="Holds a copy of",
                empty_label="nothing: backups are made onto it",
                help_text="A copy is filled from another target, without any key, and never backed up onto.",
            )

    @staticmethod
    def kept(target: Any) -> dict[str, Any]:
        """What a form for changing a target begins with: everything but its secrets."""
        limit = None if target.bandwidth is None else (Decimal(target.bandwidth) / MEGA).normalize()
        shown = None if limit is None else format(limit, "f")
        kept = {"name": target.name, "bandwidth": shown, "private_addresses": target.private_addresses}
        return {**target.settings, **kept}

    def settings(self) -> dict[str, str]:
        """The kind's settings that were filled in."""
        given = {name: self.cleaned_data.get(name, "") for name in self.SETTINGS}
        return {name: value for name, value in given.items() if value}

    def credentials(self) -> dict[str, str]:
        """The secrets that were filled in; none means that those there are stay."""
        given = {name: self.cleaned_data.get(name, "") for name in self.SECRETS}
        return {name: value for name, value in given.items() if value.strip()}

    def bandwidth(self) -> int | None:
        """The limit in bytes a second; None for none."""
        given = self.cleaned_data.get("bandwidth")
        return None if given is None else int(given * MEGA)

    def changes(self) -> dict[str, Any]:
        """What `edit_target` takes: credentials only where some were typed."""
        return {
            "name": self.cleaned_data["name"],
            "settings": self.settings(),
            "credentials": self.credentials() or None,
            "private_addresses": self.private() if self.REMOTE else None,
            "bandwidth": self.bandwidth(),
        }

    def private(self) -> bool:
        return bool(self.cleaned_data.get("private_addresses"))


class DirectoryForm(KindForm):
    kind = "directory"
    title = "Directory"
    SETTINGS = ("path",)
    REMOTE = False

    path = _plain(
        "Directory",
        required=True,
        example="/mnt/backup",
        hint="An absolute path on this unit, where the storage outside is mounted.",
    )


class S3Form(KindForm):
    kind = "s3"
    title = "S3-compatible store"
    SETTINGS = ("bucket", "region", "endpoint", "prefix", "ca_certificate")
    SECRETS = ("access_key_id", "secret_access_key", "session_token")
    NEEDED = ("access_key_id", "secret_access_key")

    bucket = _plain("Bucket", required=True, example="unit-backups")
    region = _plain("Region", example="eu-central-1")
    endpoint = _plain("Endpoint", example="https://s3.example.com", hint="Empty: Amazon's own.")
    # A setting of the kind; Django takes declared fields off the class, so the form's own `prefix` stays.
    prefix = _plain("Folder in the bucket", example="strongroom/")  # type: ignore[assignment]
    ca_certificate = forms.CharField(
        required=False,
        max_length=20_000,
        label="Certificate authority of the endpoint",
        help_text="PEM, for a store with a certificate of its own authority.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
    )
    access_key_id = _secret("Access key id")
    secret_access_key = _secret("Secret access key")
    session_token = _secret("Session token", "Only for temporary credentials.")


class SftpForm(KindForm):
    kind = "sftp"
    title = "SFTP server"
    SETTINGS = ("host", "port", "user", "path", "host_key")
    SECRETS = ("password", "private_key")

    host = _plain("Host", required=True, example="backup.example.com")
    port = _plain("Port", example="22")
    user = _plain("User", required=True, example="strongroom")
    path = _plain("Directory there", required=True, example="/srv/backup")
    host_key = _plain(
        "Pinned host key",
        example="SHA256:…",
        hint="Leave it empty: the unit shows what it meets and sends nothing before you pin it.",
    )
    password = _secret("Password", "Either this or the private key.")
    private_key = forms.CharField(
        max_length=16_384,
        label="Or a private key",
        required=False,
        strip=False,
        help_text="OpenSSH format, without a passphrase.",
        widget=Unshown(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off", "class": "mono"}),
    )


FORMS: Mapping[str, type[KindForm]] = {form.kind: form for form in (DirectoryForm, S3Form, SftpForm)}


def form_of(kind: str) -> type[KindForm]:
    """The form of a kind; the directory's for anything else."""
    return FORMS.get(kind, DirectoryForm)
