"""What is injected into handlers: the handler context and the caller."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.di import NamedDependency

from stt_coordinator.control.audited_commands import Actor
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.web.login.identity import LOCAL_USER, identity_of
from stt_shared.protocol.enums import Way

Context = NamedDependency[HandlerContext]
Caller = NamedDependency[Actor]
API_PREFIX = "/api/v1"


def actor_of(request: Request[Any, Any, Any]) -> Actor:
    """The caller, for handlers that change something."""
    who = identity_of(request.scope) or LOCAL_USER
    way = Way.API if request.url.path.startswith(API_PREFIX) else Way.PAGE
    return Actor(name=who.name, role=who.role if who.name else None, way=way)
