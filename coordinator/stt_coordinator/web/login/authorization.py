"""The gate before every handler: who is asking, and whether the role is enough for what it does."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers.base import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from stt_coordinator.web.login.identity import ANYBODY, enough, who_asks
from stt_coordinator.web.login.login import Login, names_this_machine
from stt_shared import clock
from stt_shared.protocol.enums import Role

KEY = "role"
# Handlers say whom they are for; one that looks and says nothing is for viewers.
OPEN: dict[str, Any] = {KEY: None}
OPERATORS: dict[str, Any] = {KEY: Role.OPERATOR}
ADMINS: dict[str, Any] = {KEY: Role.ADMIN}
LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
ELSEWHERE = "no log-in is configured, and the requested host is not this machine"
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="stt"'}


def asking(
    login: Login | None, connection: ASGIConnection[Any, Any, Any, Any]
) -> AuthenticationResult:
    """Who is asking: the user is a Who or None; `auth` says why it is nobody."""
    # A name of another site that leads here would let that site's scripts in (DNS rebinding).
    here = ANYBODY if names_this_machine(connection) else ELSEWHERE
    found = login.who(connection, clock.now()) if login else here
    if isinstance(found, str):
        return AuthenticationResult(user=None, auth=found)
    return AuthenticationResult(user=found, auth="")


class Asking(AbstractAuthenticationMiddleware):
    """Finds out who is asking; whether that is enough, `allowed` says."""

    def __init__(self, app: ASGIApp, login: Login | None) -> None:
        # By itself it would leave OPTIONS without anybody, and the gate without an answer.
        super().__init__(app, exclude_http_methods=())
        self._login = login

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """See `asking`."""
        return asking(self._login, connection)


def role_for(handler: BaseRouteHandler) -> Role | None:
    """The least role that may use a handler; None: anybody."""
    methods: set[str] = set(getattr(handler, "http_methods", ()) or ("GET",))
    least = Role.VIEWER if methods <= LOOKING else Role.ADMIN
    needed: Role | None = handler.opt.get(KEY, least)
    return needed


def allowed(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Raise 401 if nobody is logged in, 403 if the role is not enough."""
    needed = role_for(handler)
    if needed is None:
        return
    who = who_asks(connection.scope)
    if who is None:
        raise NotAuthorizedException(connection.auth, headers=CHALLENGE)
    if not who.may(needed):
        raise PermissionDeniedException(
            f"the role of {who.name!r} is {who.role}, expected {enough(needed)}"
        )
