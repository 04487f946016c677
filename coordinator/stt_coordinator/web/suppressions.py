"""Revoke an accepted finding or a severity override, with the role that its kind needs."""

from __future__ import annotations

import msgspec
from litestar.exceptions import PermissionDeniedException

from stt_coordinator.control.audited_commands import Actor, run_audited
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.suppressions import commands
from stt_coordinator.web.login.identity import roles_from
from stt_shared.protocol.enums import Role
from stt_shared.protocol.suppressions import SuppressionReply, UnacceptRequest


async def revoke(
    context: HandlerContext, actor: Actor, request: UnacceptRequest
) -> SuppressionReply:
    """Revoke it; raises PermissionDeniedException where a severity override needs an admin."""
    if actor.role not in (None, Role.ADMIN):
        dry_run = msgspec.structs.replace(request, dry_run=True)
        found = (await commands.revoke(context, dry_run)).exception
        if found.severity is not None:
            raise PermissionDeniedException(
                f"exception {found.id} overrides a severity: the role of {actor.name!r} is"
                f" {actor.role}, expected {roles_from(Role.ADMIN)}"
            )
    return await run_audited(context, actor, commands.revoke, request)
