"""Tells scripts whether an address or a network is private."""

from __future__ import annotations

import ipaddress
import re

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# The private blocks of PMM's checks.
PRIVATE = tuple(
    ipaddress.ip_network(block)
    for block in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24"),
        *("198.18.0.0/15", "169.254.0.0/16", "224.0.0.0/24", "127.0.0.0/8"),
        *("fc00::/7", "fe80::/10", "::1/128"),
    )
)
IPV4_IN_IPV6 = ipaddress.IPv6Network("::ffff:0:0/96")
_BITS = re.compile(r"0*[0-9]{1,6}")


def ip_is_private(text: object) -> bool | None:
    """Whether all of `text` is in a private block; None if it is not an address or a network.

    A netmask may be written in dots, as in accounts of MySQL.
    """
    try:
        return _is_private(ipaddress.ip_network(str(text), strict=False))
    except ValueError:
        return None


def is_private_in_pmm(text: object) -> bool | None:
    """The same for what Go reads: no netmask in dots, no zone; TypeError for no text."""
    if not isinstance(text, str):
        raise TypeError(f"expected a text, got {text!r:.40}")
    address, slash, bits = text.partition("/")
    if "%" in address or (slash and not _BITS.fullmatch(bits)):
        return None
    return ip_is_private(f"{address}/{int(bits)}" if slash else address)


def _is_private(network: Network) -> bool:
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(IPV4_IN_IPV6):
        first = int(network.network_address) & 0xFFFF_FFFF
        bits = network.prefixlen - IPV4_IN_IPV6.prefixlen
        return _is_private(ipaddress.IPv4Network((first, bits)))
    return any(
        network.version == block.version and network.subnet_of(block)  # type: ignore[arg-type]
        for block in PRIVATE
    )
