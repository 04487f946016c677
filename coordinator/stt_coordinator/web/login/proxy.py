"""A reverse proxy that logs users in: which proxies are trusted, and whom they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from stt_coordinator.web.login.addresses import parse_address
from stt_coordinator.web.login.identity import Identity
from stt_shared.protocol.enums import Role

MAX_NAME = 100  # characters
FORWARDED_FOR = "x-forwarded-for"


class Headers(Protocol):
    """The headers of a request."""

    def getall(self, key: str, default: list[str]) -> list[str]:
        """Every value of a header."""
        ...


class RejectedProxyError(Exception):
    """The headers of a trusted proxy contradict each other; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """The proxies of these networks, and the headers in which they name the user and role."""

    networks: Sequence[IPv4Network | IPv6Network]
    user_header: str = ""
    role_header: str = ""

    def is_trusted(self, address: str) -> bool:
        """Whether a request from `address` comes through such a proxy."""
        found = parse_address(address)
        return found is not None and any(found in network for network in self.networks)

    def visitor(self, peer: str, headers: Headers) -> str:
        """The address of the client: the last one that is not a trusted proxy's."""
        hops = ",".join(headers.getall(FORWARDED_FOR, [])).split(",")
        for hop in (peer, *reversed([one.strip() for one in hops])):
            if hop and not self.is_trusted(hop):
                return hop
        return peer

    def user_of(self, peer: str, headers: Headers) -> Identity | None:
        """The user that the proxy names; None if it names nobody or is not trusted.

        Raises RejectedProxyError for a header that is set twice, as when a visitor sent one too,
        and for an unknown role.
        """
        if not self.user_header or not self.is_trusted(peer):
            return None
        name = _only(headers, self.user_header)
        if not name:
            return None
        if len(name) > MAX_NAME or not name.isprintable():
            raise RejectedProxyError(
                f"{self.user_header} is not a printable name of at most {MAX_NAME} characters"
            )
        return Identity(name=name, role=self._role(headers))

    def _role(self, headers: Headers) -> Role:
        if not self.role_header:
            return Role.VIEWER
        roles = {word.strip() for word in _only(headers, self.role_header).split(",")}
        # The greatest first: of several roles that the proxy names the user has them all.
        for role in reversed(Role):
            if role in roles:
                return role
        raise RejectedProxyError(f"{self.role_header} has no role of {', '.join(Role)}")


def _only(headers: Headers, name: str) -> str:
    found = headers.getall(name.lower(), [])
    if len(found) > 1:
        raise RejectedProxyError(f"{name} is set {len(found)} times, expected once")
    return found[0].strip() if found else ""
