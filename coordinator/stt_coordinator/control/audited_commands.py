"""Changes that somebody asks for: made in the asker's name, and recorded with who and which way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import msgspec

from stt_coordinator.control import control_commands, exceptions, pages
from stt_coordinator.control.actor import Actor
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.store.port import StoreError
from stt_shared import clock
from stt_shared.protocol.audit import AuditEntry, AuditReply, AuditRequest
from stt_shared.protocol.control import CheckSwitchRequest, RunReply, RunRequest, Verb
from stt_shared.protocol.exceptions import ExceptionReply, ImportReply
from stt_shared.protocol.messages import Value
from stt_shared.report import readable
from stt_shared.report.exceptions import scope
from stt_shared.telemetry.logs import bound, logger

MAX_TEXT = 500  # characters of each text of an entry
_LOG = logger("audit")


class Asked(Protocol):
    """A request that says who asks."""

    @property
    def by(self) -> str:
        """The name."""
        ...


Q = TypeVar("Q", bound=Asked)
R = TypeVar("R", bound=Value)

ACTS: dict[Callable[[HandlerContext, Any], Awaitable[Value]], Verb] = {
    control_commands.enable: Verb.ENABLE,
    control_commands.disable: Verb.DISABLE,
    control_commands.run: Verb.RUN,
    control_commands.enable_check: Verb.CHECK_ENABLE,
    control_commands.disable_check: Verb.CHECK_DISABLE,
    exceptions.accept: Verb.ACCEPT,
    exceptions.unaccept: Verb.UNACCEPT,
    exceptions.set_severity: Verb.SEVERITY_SET,
    exceptions.reset_severity: Verb.SEVERITY_RESET,
    exceptions.imported: Verb.EXCEPTIONS_IMPORT,
}


async def act(
    context: HandlerContext,
    actor: Actor,
    answer: Callable[[HandlerContext, Q], Awaitable[R]],
    request: Q,
) -> R:
    """The answer to `request`, made in the name of `actor`; recorded if it changed something."""
    given: Any = request  # a struct, which the protocol of its fields cannot say
    asked: Any = msgspec.structs.replace(given, by=actor.known_as(request.by))
    verb = ACTS[answer]
    with bound(verb=str(verb), way=str(actor.way), by=asked.by[:MAX_TEXT]):
        reply = await answer(context, asked)
        if _changed(asked, reply):
            await _record(context, _entry(actor, verb, asked, reply))
    return reply


def _changed(request: Any, reply: Value) -> bool:
    if isinstance(reply, ImportReply):
        return not request.dry_run and any(one.what in NEWS for one in reply.exceptions)
    return bool(getattr(reply, "changed", True))


NEWS = ("added", "updated")


def _entry(actor: Actor, verb: Verb, request: Any, reply: Value) -> AuditEntry:
    return AuditEntry(
        at=clock.now(),
        by=request.by[:MAX_TEXT],
        way=actor.way,
        role=actor.role,
        did=str(verb),
        what=_what(request, reply)[:MAX_TEXT],
        reason=getattr(request, "reason", "")[:MAX_TEXT],
    )


def _what(request: Any, reply: Value) -> str:
    if isinstance(request, RunRequest) and isinstance(reply, RunReply):
        parts = (*request.targets, *request.sites, *request.families, *request.checks)
        of = f" of {readable.first_names(parts)}" if parts else ""
        return f"{reply.run.run_id}{of}"
    if isinstance(reply, ExceptionReply):
        return f"{reply.exception.id}: {scope(reply.exception)}"
    if isinstance(reply, ImportReply):
        return ", ".join(one.id for one in reply.exceptions if one.what in NEWS)
    return request.check if isinstance(request, CheckSwitchRequest) else ""


async def _record(context: HandlerContext, entry: AuditEntry) -> None:
    """Keep the entry; the change stands even if the store cannot be written."""
    told = {name: str(value) for name, value in msgspec.structs.asdict(entry).items() if value}
    _LOG.info("change_made", **told)
    try:
        await context.store.transact(lambda ledger: ledger.audit.add([entry]))
    except StoreError as error:
        _LOG.error("audit_failed", reason=error.message)


async def recorded(context: HandlerContext, request: AuditRequest) -> AuditReply:
    """A page of the record, newest first."""
    before = _position(request.after)
    limit = pages.rows(request.limit)
    found = await context.store.read(lambda ledger: ledger.audit.newest(before, limit + 1))
    page = tuple(pages.fitting(entry for _, entry in found[:limit]))
    is_last = len(page) == len(found)
    return AuditReply(entries=page, next="" if is_last else str(found[len(page) - 1][0]))


def _position(after: str) -> int | None:
    if not after:
        return None
    if not (after.isascii() and after.isdigit() and len(after) <= MAX_DIGITS):
        raise request_error(
            ErrorCode.BAD_REQUEST, f"after is {after!r:.40}, expected next of a page"
        )
    return int(after)


MAX_DIGITS = 18
