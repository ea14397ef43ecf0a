"""Where mail goes, by STRONGROOM_SMTP_URL."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.settings import environment
from config.site import site


@pytest.mark.parametrize(
    "url",
    ["http://mail.example", "mail.example", "smtp://ada:secret@mail.example", "smtp+tls://mail.example"],
)
def test_an_address_that_cannot_be_right_or_would_show_a_password_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRONGROOM_SMTP_URL", url)
    with pytest.raises(ImproperlyConfigured):
        environment.mail(site())


def test_without_a_server_each_message_becomes_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRONGROOM_SMTP_URL", raising=False)
    assert environment.mail(site())["EMAIL_FILE_PATH"] == str(site().mail)


@pytest.mark.parametrize(
    ("url", "port", "ssl", "tls"),
    [
        ("smtps://ada:p%40ss@mail.example", 465, True, False),
        ("smtp+starttls://ada:p%40ss@mail.example", 587, False, True),
        ("smtp://ada:p%40ss@localhost:2525", 2525, False, False),
    ],
)
def test_the_scheme_says_how_the_connection_is_sealed(
    url: str, port: int, ssl: bool, tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRONGROOM_SMTP_URL", url)
    found: dict[str, Any] = environment.mail(site())
    assert (found["EMAIL_PORT"], found["EMAIL_USE_SSL"], found["EMAIL_USE_TLS"]) == (port, ssl, tls)
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("ada", "p@ss")
