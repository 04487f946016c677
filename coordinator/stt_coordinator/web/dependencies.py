"""What handlers are given: the context that the control service works with, and who is asking."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.di import NamedDependency

from stt_coordinator.control.audited_commands import Actor
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.web.login.identity import ANYBODY, who_asks
from stt_shared.protocol.enums import Way

Given = NamedDependency[HandlerContext]
Acting = NamedDependency[Actor]
API_PREFIX = "/api/v1"


def actor_of(request: Request[Any, Any, Any]) -> Actor:
    """Who is asking, for handlers that change something."""
    who = who_asks(request.scope) or ANYBODY
    way = Way.API if request.url.path.startswith(API_PREFIX) else Way.PAGE
    return Actor(name=who.name, role=who.role if who.name else None, way=way)
