"""Sending a notice by mail, through whatever mail server the settings name (files where there is none)."""

from __future__ import annotations

import smtplib

from django.core.mail import EmailMessage
from django.db import connections

from appliance.notices.errors import MailNotTaken
from appliance.notices.message import mail_body, mail_subject
from appliance.notices.models import NoticeDelivery


def send_mail(delivery: NoticeDelivery) -> None:
    """One message to the channel's people. `MailNotTaken` if the server did not take it."""
    message = EmailMessage(
        subject=mail_subject(delivery.notice),
        body=mail_body(delivery.notice),
        to=list(delivery.channel.settings["to"]),
        headers={"X-Strongroom-Delivery": str(delivery.pk)},
    )
    if not connections["default"].in_atomic_block:
        connections["default"].close()  # it holds the writers' gate, and a mail server may take its time
    try:
        message.send()
    except (smtplib.SMTPException, OSError) as error:
        raise MailNotTaken(why=type(error).__name__) from error
