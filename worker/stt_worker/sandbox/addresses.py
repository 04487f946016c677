"""Tells scripts whether an address or a network is private."""

from __future__ import annotations

import ipaddress

# The private blocks of PMM's checks.
PRIVATE = tuple(
    ipaddress.ip_network(block)
    for block in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24"),
        *("198.18.0.0/15", "169.254.0.0/16", "224.0.0.0/24", "127.0.0.0/8"),
        *("fc00::/7", "fe80::/10", "::1/128"),
    )
)


def ip_is_private(text: object) -> bool | None:
    """Whether all of `text` is in a private block; None if it is not an address or a network."""
    try:
        network = ipaddress.ip_network(str(text), strict=False)
    except ValueError:
        return None
    return any(
        network.version == block.version and network.subnet_of(block)  # type: ignore[arg-type]
        for block in PRIVATE
    )
