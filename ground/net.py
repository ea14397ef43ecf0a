"""Which addresses this site may call, where a person chose the name: backup targets, webhooks.

A name is resolved once, every address it gives is judged, and the caller connects to one of the judged
addresses and to no other: a name that resolves differently a moment later changes nothing. Redirects are the
caller's to refuse. Spellings of an address (`0x7f.1`, `2130706433`, mapped or translated IPv6) need no list
of their own here: what is judged is what the resolver made of them.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import ClassVar, Final

from ground.refusals import Kind, Refusal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_HOST: Final = re.compile(r"[A-Za-z0-9.:_-]{1,253}\Z")
# Private use, shared address space and this machine: allowed where a person said so. Nothing else that is
# not global ever is (link-local, where clouds keep their metadata; multicast; documentation; reserved).
_PRIVATE: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "::1/128",
        "fc00::/7",
    )
)
# Cloud metadata under private or shared addresses: never, whatever was said.
_NEVER: Final = frozenset(
    ipaddress.ip_address(text)
    for text in ("100.100.100.200", "fd00:ec2::254", "fd20:ce::254", "168.63.129.16")
)


class AddressRefused(Refusal):
    """The name leads somewhere this site does not call."""

    code = "address.refused"
    kind: ClassVar[Kind] = "invalid"
    title = "This address may not be called."
    next_step = "Name a public address, or allow loopback and private addresses for this entry explicitly."


class NameUnknown(Refusal):
    code = "address.unknown"
    kind: ClassVar[Kind] = "unavailable"
    title = "The name does not resolve to an address."
    next_step = "Check the name and the unit's name servers."


def resolve(host: str, port: int, *, private: bool = False) -> list[Address]:
    """The addresses of `host`, each of which may be called; `AddressRefused` if any of them may not.

    One bad address among good ones refuses them all: whoever answers for the name chose it.
    """
    host = host.strip("[]")
    if not _HOST.match(host) or not 0 < port < 65536:
        raise AddressRefused(host=host[:200], port=port, why="not a host name, address or port")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError) as error:
        raise NameUnknown(host=host) from error
    addresses: list[Address] = []
    for family, _, _, _, place in found:
        if family not in (socket.AF_INET, socket.AF_INET6) or "%" in str(place[0]):
            raise AddressRefused(host=host, why="not an address of the internet")
        address = ipaddress.ip_address(str(place[0]))
        judge(address, host=host, private=private)
        if address not in addresses:
            addresses.append(address)
    if not addresses:
        raise NameUnknown(host=host)
    return addresses


def judge(address: Address, *, host: str = "", private: bool = False) -> None:
    """Raise `AddressRefused` unless `address`, and every IPv4 address it carries within, may be called."""
    for one in (address, *_carried(address)):
        allowed = private and any(one.version == net.version and one in net for net in _PRIVATE)
        if one in _NEVER or not (allowed or (one.is_global and not one.is_multicast)):
            if one is address and _carried(address):
                continue  # the form that carries it is not the place that is called
            raise AddressRefused(host=host or str(address), address=str(address), private_allowed=private)


def _carried(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    inner: list[Address | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in net for net in _NAT64) or (address in _COMPATIBLE and int(address) > 1):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in inner if one is not None]
