"""Authentication and authorization before every handler."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers.base import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from stt_coordinator.control.log_ins import LogIns
from stt_coordinator.control.unavailable import UNAVAILABLE
from stt_coordinator.web.login.identity import LOCAL_USER, Identity, identity_of, roles_from
from stt_coordinator.web.login.login import Login, names_this_machine
from stt_shared import clock
from stt_shared.protocol.enums import Role

KEY = "role"
# Handlers declare the least role; without one, a safe method needs a viewer, others an admin.
OPEN: dict[str, Any] = {KEY: None}
# What needs no identity either: it is answered without the store.
NAMELESS: dict[str, Any] = {KEY: None, "nameless": True}
OPERATORS: dict[str, Any] = {KEY: Role.OPERATOR}
ADMINS: dict[str, Any] = {KEY: Role.ADMIN}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ELSEWHERE = "no log-in is configured, and the requested host is not this machine"
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="stt"'}


def identify_local(connection: ASGIConnection[Any, Any, Any, Any]) -> Identity | str:
    """The identity of a request where no log-in is configured, or the reason why it has none."""
    # A name of another site that leads here would let that site's scripts in (DNS rebinding).
    return LOCAL_USER if names_this_machine(connection) else ELSEWHERE


class Authentication(AbstractAuthenticationMiddleware):
    """Finds the identity of a request; `authorize` decides what it may do."""

    def __init__(self, app: ASGIApp, login: Login | None, log_ins: LogIns) -> None:
        # The base class skips OPTIONS: `authorize` would then find no user in the scope.
        super().__init__(app, exclude_http_methods=())
        self._login = login
        self._log_ins = log_ins

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """The user is an Identity or None; `auth` is the reason for None, or an error."""
        if connection.scope["route_handler"].opt.get("nameless"):
            return AuthenticationResult(user=None, auth="")
        try:
            if self._login is None:
                found = identify_local(connection)
            else:
                found = await self._login.identify(connection, self._log_ins, clock.now())
        except UNAVAILABLE as error:
            # Not raised here: what is open to everybody, as health, answers without the store.
            return AuthenticationResult(user=None, auth=error)
        if isinstance(found, str):
            return AuthenticationResult(user=None, auth=found)
        return AuthenticationResult(user=found, auth="")


def role_for(handler: BaseRouteHandler) -> Role | None:
    """The least role that may use a handler; None: anybody."""
    methods: set[str] = set(getattr(handler, "http_methods", ()) or ("GET",))
    least = Role.VIEWER if methods <= SAFE_METHODS else Role.ADMIN
    needed: Role | None = handler.opt.get(KEY, least)
    return needed


def authorize(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Raise 401 without a login, 403 if the role is not sufficient, or why nobody knows."""
    needed = role_for(handler)
    if needed is None:
        return
    who = identity_of(connection.scope)
    if isinstance(connection.auth, UNAVAILABLE):
        raise connection.auth
    if who is None:
        raise NotAuthorizedException(connection.auth, headers=CHALLENGE)
    if not who.may(needed):
        raise PermissionDeniedException(
            f"the role of {who.name!r} is {who.role}, expected {roles_from(needed)}"
        )
