"""Sending a notice to a program: signed, to the address that was checked and to no other."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Final

import httpx
from django.db import connections

from appliance.keys.engine.secrets import Opener
from appliance.notices.actions.renew_secret import SECRET_FIELD
from appliance.notices.errors import NoSecret, ReceiverRefused, ReceiverUnreachable
from appliance.notices.message import signature, webhook_body
from appliance.notices.models import NoticeDelivery
from appliance.notices.settings import Place, place_of
from ground import net

TOTAL_SECONDS: Final = 20.0  # for the whole call, however slowly the receiver drips
CONNECT_SECONDS: Final = 5.0
MAX_ADDRESSES: Final = 3


def send_webhook(delivery: NoticeDelivery, opener: Opener | None = None) -> None:
    """Post the notice.

    Raises `ReceiverUnreachable`, `ReceiverRefused`, `NoSecret`, or the refusal of the address guard.
    """
    channel = delivery.channel
    if not channel.sealed_secret:
        raise NoSecret(channel=channel.name)
    secret = (opener or Opener()).open(SECRET_FIELD, channel.pk, channel.sealed_secret)
    place = place_of(channel.settings["url"], allow_private=channel.allow_private)
    body = webhook_body(delivery)
    if not connections["default"].in_atomic_block:
        connections["default"].close()  # it holds the writers' gate, and a receiver may take its time
    # Once: what is called below are these addresses, whatever the name says a moment later.
    addresses = net.resolve(place.host, place.port, private=channel.allow_private)
    timestamp = int(time.time())
    headers = {
        "Host": place.authority,
        "Content-Type": "application/json",
        "User-Agent": "Strongroom",
        "Strongroom-Delivery": str(delivery.pk),
        "Strongroom-Timestamp": str(timestamp),
        "Strongroom-Signature": signature(secret, timestamp, body),
    }
    status = asyncio.run(_post(place, [str(address) for address in addresses[:MAX_ADDRESSES]], headers, body))
    if not 200 <= status < 300:
        raise ReceiverRefused(status=status)


async def _post(place: Place, addresses: list[str], headers: dict[str, str], body: bytes) -> int:
    """The status of the answer; its body is not read, so nothing of it can leak into a page."""
    why = ""
    try:
        async with asyncio.timeout(TOTAL_SECONDS):
            for address in addresses:
                try:
                    return await _post_once(place, address, headers, body)
                except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                    why = type(error).__name__
    except (httpx.HTTPError, TimeoutError, ssl.SSLError) as error:
        why = type(error).__name__
    raise ReceiverUnreachable(host=place.host, why=why)


async def _post_once(place: Place, address: str, headers: dict[str, str], body: bytes) -> int:
    url = httpx.URL(scheme=place.scheme, host=address, port=place.port, raw_path=place.path.encode("ascii"))
    async with (
        httpx.AsyncClient(
            verify=ssl.create_default_context(),
            follow_redirects=False,
            trust_env=False,  # a proxy of the environment would resolve the name again
            timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
        ) as client,
        # The certificate is that of the name, though the address is called.
        client.stream(
            "POST", url, headers=headers, content=body, extensions={"sni_hostname": place.host}
        ) as answer,
    ):
        return answer.status_code
