"""The verb `checks`: every known check."""

from __future__ import annotations

from stt_coordinator.control.handler_context import HandlerContext
from stt_shared.protocol.control import (
    ChecksReply,
    Empty,
)


async def list_checks(context: HandlerContext, _request: Empty) -> ChecksReply:
    """Every known check, by family and name."""
    known = context.library.checks(context.control_state.state.disabled_checks)
    return ChecksReply(checks=known, releases_as_of=context.library.catalogue.as_of)
