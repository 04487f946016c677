"""The verb `checks`: every known check."""

from __future__ import annotations

from stt_coordinator.control.control_commands import installed_checks
from stt_coordinator.control.handler_context import HandlerContext
from stt_shared.protocol.control import (
    ChecksReply,
    Empty,
)


async def list_checks(context: HandlerContext, _request: Empty) -> ChecksReply:
    """Every known check, by family and name."""
    await context.control_state.recall()
    known = await installed_checks(context)
    return ChecksReply(checks=known, releases_as_of=context.releases_as_of)
