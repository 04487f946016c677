"""Random hosts of accounts, and a matcher of them that knows nothing of the checks."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, ip_address

PRIVATE = [
    IPv4Network(one)
    for one in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
        *("198.18.0.0/15", "192.0.0.0/24"),
    )
]
ADDRESSES = (
    *("8.8.8.8", "203.0.113.45", "1.2.3.4", "172.15.0.1", "172.20.3.4", "172.32.7.7", "10.0.0.5"),
    *("10.20.30.40", "192.168.1.20", "192.167.1.2", "100.64.0.1", "100.10.0.9", "169.254.1.1"),
    *("127.0.0.1", "127.5.6.7", "198.18.0.4", "198.51.100.7", "2001:db8::5", "2a00:1450:4001::8a"),
    *("fd00::5", "fe80::1", "::1", "2001:db8:1:2:3:4:5:6"),
)
# How addresses of IPv6 that somebody can have begin.
GROUPS = re.compile("::1$|[23][^:]{3}:|f[cd][^:]{2}:|fe[89ab][^:]:")
Client = IPv4Address | IPv6Address


def patterns(chance: random.Random, count: int, addresses: tuple[str, ...]) -> Iterator[str]:
    """Addresses in which stretches are wildcards, and networks."""
    for _ in range(count):
        text = chance.choice(addresses)
        if ":" not in text and chance.random() < 0.15:
            yield _network(chance, IPv4Address(text))
            continue
        for _ in range(chance.randint(1, 3)):
            start = chance.randrange(len(text) + 1)
            end = min(len(text), start + chance.choice([0, 1, 1, 2, 3, 20]))
            text = text[:start] + chance.choice(["%", "%", "_", "__"]) + text[end:]
        yield text


def _network(chance: random.Random, address: IPv4Address) -> str:
    bits = chance.randint(1, 31)
    network = IPv4Network((int(address), bits), strict=False)
    mask = str(network.netmask) if chance.random() < 0.7 else str(bits)
    return f"{network.network_address}/{mask}"


def clients(chance: random.Random, pattern: str, count: int) -> Iterator[Client]:
    """Clients at random, and those that come of filling the wildcards."""
    for _ in range(count):
        yield IPv4Address(chance.randrange(1 << 32))
        filled = re.sub("[%_]", lambda found: _filling(chance, found[0], pattern), pattern)
        try:
            one = ip_address(filled.partition("/")[0])
        except ValueError:
            continue
        if str(one) == filled.partition("/")[0]:
            yield one


def _filling(chance: random.Random, wildcard: str, pattern: str) -> str:
    kinds = ("0123456789abcdef:", "0123456789.")
    signs = kinds[0] if ":" in pattern else kinds[1] if "." in pattern else chance.choice(kinds)
    if wildcard == "_":
        return chance.choice(signs)
    size = chance.choice([0, 1, 1, 2, 3, 4, 5, 7, 9])
    return "".join(chance.choice(signs) for _ in range(size))


def is_client(one: Client) -> bool:
    """Whether some client elsewhere or here can have the address."""
    if isinstance(one, IPv4Address):
        return 1 <= int(one) >> 24 <= 223
    return GROUPS.match(str(one)) is not None


def is_private(one: Client) -> bool:
    if isinstance(one, IPv4Address):
        return any(one in network for network in PRIVATE)
    return str(one)[0] == "f"


def matches(host: str, one: Client, *, classic: bool) -> bool:
    """Whether the host of an account means the client, by its address alone."""
    address, slash, mask = host.partition("/")
    if not slash:
        signs = {"%": ".*", "_": "."}
        text = "".join(signs.get(sign, re.escape(sign)) for sign in host)
        return re.fullmatch(text, str(one)) is not None
    if isinstance(one, IPv6Address) or (mask.isdigit() and classic):
        return False
    try:
        network = IPv4Network((address, mask))
    except (AddressValueError, ValueError):
        return False
    return one in network
