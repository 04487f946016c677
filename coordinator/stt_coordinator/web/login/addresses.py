"""Addresses of visitors: IPv4 as IPv4 on every listener, and what counts as one visitor."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

IPV6_PREFIX = 64  # bits: whoever has one address of such a network has all


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in `text`; None for other text.

    A listener on `[::]` sees IPv4 visitors as `::ffff:192.0.2.1`: that is 192.0.2.1, and no
    neighbour of every other IPv4 visitor.
    """
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def origin_of(text: str) -> str:
    """What limits count an address for: the IPv4 address, or the network of an IPv6 address."""
    found = parse_address(text)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, IPV6_PREFIX), strict=False))
    return str(found or text)
