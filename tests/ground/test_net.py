"""Addresses that may be called. Every spelling of a place inside is refused; none is ever connected to."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from ground.net import AddressRefused, NameUnknown, judge, resolve

# Spellings of loopback, private, link-local, shared, unspecified, multicast and reserved places.
INSIDE = (  # noqa: SIM905  # a table to be read
    """
127.0.0.1 127.0.0.2 127.1 127.0.1 2130706433 0x7f000001 0x7f.0x0.0x0.0x1 0x7f.1 0177.0.0.1 0177.1
017700000001 0 0.0.0.0 00.0 0x0 localhost 127.255.255.254 10.0.0.1 10.1 167772161 0xa000001 012.0.0.1
172.16.0.1 172.31.255.255 0xac100001 192.168.0.1 192.168.1 0xc0a80001 3232235521 169.254.169.254 2852039166
0xa9fea9fe 0251.0376.0251.0376 169.254.1 100.64.0.1 100.100.100.200 168.63.129.16 198.18.0.1 192.0.0.1
192.0.2.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 ::1 [::1] :: ::ffff:127.0.0.1
::ffff:10.0.0.1 ::ffff:a9fe:a9fe ::127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::10.0.0.1
2002:7f00:1:: 2002:a00:1:: 2002:a9fe:a9fe:: 2001:0:7f00:1:: fe80::1 fe80::a9fe:a9fe fc00::1
fd00:ec2::254 fd12:3456::1 ff02::1 2001:db8::1 100::1
"""
).split()


def test_the_table_of_spellings_is_no_sample() -> None:
    assert len(set(INSIDE)) == 67


@pytest.mark.parametrize("host", INSIDE)
def test_no_spelling_of_a_place_inside_is_called(host: str) -> None:
    with pytest.raises((AddressRefused, NameUnknown)):
        resolve(host, 443)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "2852039166",
        "::ffff:a9fe:a9fe",
        "fd00:ec2::254",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
    ],
)
def test_metadata_and_what_is_no_host_are_never_called_even_where_private_places_may_be(host: str) -> None:
    with pytest.raises(AddressRefused):
        resolve(host, 443, private=True)


@pytest.mark.parametrize("host", ["", "a b", "a/b", "user@host", "a\r\nx", "fe80::1%eth0", "x" * 300])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        resolve(host, 443)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(AddressRefused):
        resolve("127.0.0.1", port, private=True)


def test_one_bad_address_among_good_ones_refuses_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(host: str, port: int, **_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with pytest.raises(AddressRefused):
        resolve("mixed.example", 443)


def test_a_name_without_addresses_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(NameUnknown):
        resolve("nowhere.example", 443)


@pytest.mark.parametrize("host", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_public_addresses_may_be_called(host: str) -> None:
    judge(ip_address(host))


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "192.168.7.7", "172.20.0.1", "::1", "fd12::1"])
def test_private_addresses_may_be_called_where_somebody_allowed_them(host: str) -> None:
    assert resolve(host, 9000, private=True)
