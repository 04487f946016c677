"""The configured login: finds the identity of a request, or why it has none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from litestar.connection import ASGIConnection

from stt_coordinator.control.log_ins import LogIns
from stt_coordinator.web.login.identity import Identity
from stt_coordinator.web.login.proxy import Proxy, RejectedProxyError
from stt_coordinator.web.login.tokens import Token, TokenFile
from stt_shared.errors import ConfigError
from stt_shared.settings.web import WebSettings

Connection = ASGIConnection[Any, Any, Any, Any]
BEARER = "bearer "
COOKIE = "stt-session"
SECURE_COOKIE = f"__Host-{COOKIE}"  # browsers take it only over TLS, for this host and all of it
FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The ways to log in."""

    proxy: Proxy
    tokens: TokenFile | None = None

    async def identify(
        self, connection: Connection, log_ins: LogIns, now: datetime
    ) -> Identity | str:
        """The identity of a request, or the reason why it has none; raises StoreError."""
        found = self.identify_without_session(connection)
        return found if found is not None else await self._session(connection, log_ins, now)

    def identify_without_session(self, connection: Connection) -> Identity | str | None:
        """The same by proxy or token; None for a request that can only have a session."""
        try:
            named = self.proxy.user_of(peer_of(connection), connection.headers)
        except RejectedProxyError as error:
            return f"the headers of the proxy are rejected: {error}"
        if named is not None:
            return named
        if (header := connection.headers.get("authorization")) is not None:
            return self._bearer(header)
        return None

    def _bearer(self, header: str) -> Identity | str:
        if not header.lower().startswith(BEARER):
            return "the authorization scheme is not bearer"
        holder = self.tokens.holder(header[len(BEARER) :].strip()) if self.tokens else None
        if holder is None:
            return "unknown token"
        return Identity(name=holder.name, role=holder.role)

    async def _session(
        self, connection: Connection, log_ins: LogIns, now: datetime
    ) -> Identity | str:
        id_ = connection.cookies.get(cookie_of(connection))
        if not id_ or self.tokens is None:
            return "not logged in"
        return self._holder(await log_ins.holder(id_, now)) or "the session has expired"

    def _holder(self, digest: str | None) -> Identity | None:
        holder = self.tokens.of_digest(digest) if self.tokens and digest else None
        return Identity(name=holder.name, role=holder.role, session=True) if holder else None

    def name_again(self, connection: Connection, log_ins: LogIns) -> Identity | None:
        """Who was let in with the session of this request last: for the text of an error alone."""
        found = self.identify_without_session(connection)
        if found is None:
            found = self._holder(log_ins.seen(connection.cookies.get(cookie_of(connection), "")))
        return found if isinstance(found, Identity) else None

    def holder(self, token: str) -> Token | None:
        """The holder of `token`; None for an unknown token."""
        return self.tokens.holder(token) if self.tokens else None

    def visitor(self, connection: Connection) -> str:
        """The address that failures are counted for."""
        return self.proxy.visitor(peer_of(connection), connection.headers)


def peer_of(connection: Connection) -> str:
    """The address at the other end of the connection."""
    return connection.client.host if connection.client else ""


def names_this_machine(connection: Connection) -> bool:
    """Whether the Host header names this machine."""
    host = connection.headers.get("host", "")
    name = (host if host.endswith("]") else host.rpartition(":")[0] or host).strip("[]")
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def is_plain_loopback(connection: Connection) -> bool:
    """Whether the request comes from this machine, without TLS and without a proxy."""
    through = any(header in connection.headers for header in FORWARDING)
    is_clear = connection.scope["scheme"] == "http"
    return names_this_machine(connection) and not through and is_clear


def cookie_of(connection: Connection) -> str:
    """The name of the session's cookie."""
    return COOKIE if is_plain_loopback(connection) else SECURE_COOKIE


def login_of(web: WebSettings) -> Login | None:
    """The login of the settings; None if they configure none.

    Raises ConfigError where they contradict each other or the file of tokens is wrong.
    """
    if web.proxy_user_header and not web.trusted_proxies:
        raise ConfigError(
            f"web.proxy_user_header is {web.proxy_user_header!r}, and no proxy is trusted",
            hint="name the addresses of the proxies: web.trusted_proxies",
        )
    if web.proxy_role_header and not web.proxy_user_header:
        raise ConfigError(
            f"web.proxy_role_header is {web.proxy_role_header!r}, and no header names the user",
            hint="name it: web.proxy_user_header",
        )
    if not web.tokens and not web.proxy_user_header:
        return None
    proxy = Proxy(
        networks=tuple(map(ip_network, web.trusted_proxies)),
        user_header=web.proxy_user_header,
        role_header=web.proxy_role_header,
    )
    tokens = TokenFile(Path(web.tokens).expanduser()) if web.tokens else None
    return Login(proxy=proxy, tokens=tokens)
