"""The addresses of `/api/v1` that change something, in the name of who logged in."""

from __future__ import annotations

from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED

from stt_coordinator.control import control_commands
from stt_coordinator.control.audited_commands import run_audited
from stt_coordinator.control.suppressions import commands
from stt_coordinator.web.dependencies import Acting, Given
from stt_coordinator.web.login.authorization import ADMINS, OPERATORS
from stt_coordinator.web.openapi import change
from stt_coordinator.web.revoking import revoke
from stt_shared.protocol.control import (
    CheckSwitchRequest,
    RunReply,
    RunRequest,
    SwitchReply,
    SwitchRequest,
)
from stt_shared.protocol.exceptions import (
    AcceptRequest,
    ExceptionReply,
    SeverityResetRequest,
    SeveritySetRequest,
    UnacceptRequest,
)


@change("/enable", opt=ADMINS, status_code=HTTP_200_OK, summary="Let checks run; a run follows")
async def enable(context: Given, actor: Acting, data: JSONBody[SwitchRequest]) -> SwitchReply:
    """Twice is once."""
    return await run_audited(context, actor, control_commands.enable, data)


@change("/disable", opt=ADMINS, status_code=HTTP_200_OK, summary="Let no check run")
async def disable(context: Given, actor: Acting, data: JSONBody[SwitchRequest]) -> SwitchReply:
    """Twice is once."""
    return await run_audited(context, actor, control_commands.disable, data)


@change("/runs", opt=OPERATORS, status_code=HTTP_202_ACCEPTED, summary="Check now, or again")
async def start_run(context: Given, actor: Acting, data: JSONBody[RunRequest]) -> RunReply:
    """The run to follow."""
    return await run_audited(context, actor, control_commands.run, data)


@change(
    "/checks/{check:str}/enable",
    opt=ADMINS,
    status_code=HTTP_200_OK,
    summary="Switch one check on",
)
async def enable_check(
    context: Given, actor: Acting, check: FromPath[str], data: JSONBody[SwitchRequest]
) -> SwitchReply:
    """For all targets."""
    request = CheckSwitchRequest(check=check, by=data.by, reason=data.reason)
    return await run_audited(context, actor, control_commands.enable_check, request)


@change(
    "/checks/{check:str}/disable",
    opt=ADMINS,
    status_code=HTTP_200_OK,
    summary="Switch one check off",
)
async def disable_check(
    context: Given, actor: Acting, check: FromPath[str], data: JSONBody[SwitchRequest]
) -> SwitchReply:
    """For all targets."""
    request = CheckSwitchRequest(check=check, by=data.by, reason=data.reason)
    return await run_audited(context, actor, control_commands.disable_check, request)


@change(
    "/exceptions",
    opt=OPERATORS,
    status_code=HTTP_201_CREATED,
    summary="Accept something until a day",
)
async def accept(context: Given, actor: Acting, data: JSONBody[AcceptRequest]) -> ExceptionReply:
    """A finding, or a check on a target, a label or a site."""
    return await run_audited(context, actor, commands.accept, data)


@change(
    "/exceptions/{exception:str}/revoke",
    opt=OPERATORS,
    status_code=HTTP_200_OK,
    summary="Take it back",
)
async def unaccept(
    context: Given, actor: Acting, exception: FromPath[str], data: JSONBody[SwitchRequest]
) -> ExceptionReply:
    """Its findings count again."""
    request = UnacceptRequest(id=exception, by=data.by, reason=data.reason)
    return await revoke(context, actor, request)


@change(
    "/severities",
    opt=ADMINS,
    status_code=HTTP_201_CREATED,
    summary="Let findings of a check at a site count as of another severity",
)
async def set_severity(
    context: Given, actor: Acting, data: JSONBody[SeveritySetRequest]
) -> ExceptionReply:
    """Until a day, or until it is reset."""
    return await run_audited(context, actor, commands.set_severity, data)


@change(
    "/severities/reset",
    opt=ADMINS,
    status_code=HTTP_200_OK,
    summary="Let them count as what the check says again",
)
async def reset_severity(
    context: Given, actor: Acting, data: JSONBody[SeverityResetRequest]
) -> ExceptionReply:
    """Of one check at one site."""
    return await run_audited(context, actor, commands.reset_severity, data)


HANDLERS = [
    *(enable, disable, start_run, enable_check, disable_check, accept, unaccept),
    *(set_severity, reset_severity),
]
