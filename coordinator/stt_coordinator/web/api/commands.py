"""The addresses of `/api/v1` that change something, in the name of the logged-in user."""

from __future__ import annotations

import msgspec
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED

from stt_coordinator.control import control_commands, fleet_commands
from stt_coordinator.control.audited_commands import run_audited
from stt_coordinator.control.suppressions import commands
from stt_coordinator.web.api.openapi import command
from stt_coordinator.web.dependencies import Caller, Context
from stt_coordinator.web.login.authorization import ADMINS, OPERATORS
from stt_coordinator.web.suppressions import revoke
from stt_shared.protocol.control import (
    CheckSwitchRequest,
    RunReply,
    RunRequest,
    SwitchReply,
    SwitchRequest,
)
from stt_shared.protocol.queries.fleet import (
    FleetReply,
    TargetForgetRequest,
    TargetMoveRequest,
    WorkerForgetRequest,
)
from stt_shared.protocol.suppressions import (
    AcceptRequest,
    SeverityResetRequest,
    SeveritySetRequest,
    SuppressionReply,
    UnacceptRequest,
)


@command("/enable", opt=ADMINS, status_code=HTTP_200_OK, summary="Enable checks; a run follows")
async def enable(context: Context, actor: Caller, data: JSONBody[SwitchRequest]) -> SwitchReply:
    """Idempotent."""
    return await run_audited(context, actor, control_commands.enable, data)


@command("/disable", opt=ADMINS, status_code=HTTP_200_OK, summary="Disable checks")
async def disable(context: Context, actor: Caller, data: JSONBody[SwitchRequest]) -> SwitchReply:
    """Idempotent."""
    return await run_audited(context, actor, control_commands.disable, data)


@command("/runs", opt=OPERATORS, status_code=HTTP_202_ACCEPTED, summary="Start a run now")
async def start_run(context: Context, actor: Caller, data: JSONBody[RunRequest]) -> RunReply:
    """Start a run; the reply names it."""
    return await run_audited(context, actor, control_commands.run, data)


@command(
    "/checks/{check:str}/enable",
    opt=ADMINS,
    status_code=HTTP_200_OK,
    summary="Enable one check",
)
async def enable_check(
    context: Context, actor: Caller, check: FromPath[str], data: JSONBody[SwitchRequest]
) -> SwitchReply:
    """Applies to all targets."""
    request = CheckSwitchRequest(check=check, by=data.by, reason=data.reason)
    return await run_audited(context, actor, control_commands.enable_check, request)


@command(
    "/checks/{check:str}/disable",
    opt=ADMINS,
    status_code=HTTP_200_OK,
    summary="Disable one check",
)
async def disable_check(
    context: Context, actor: Caller, check: FromPath[str], data: JSONBody[SwitchRequest]
) -> SwitchReply:
    """Applies to all targets."""
    request = CheckSwitchRequest(check=check, by=data.by, reason=data.reason)
    return await run_audited(context, actor, control_commands.disable_check, request)


@command(
    "/exceptions",
    opt=OPERATORS,
    status_code=HTTP_201_CREATED,
    summary="Accept findings until a day",
)
async def accept(
    context: Context, actor: Caller, data: JSONBody[AcceptRequest]
) -> SuppressionReply:
    """Accept a finding, or a check on a target, a label or a site."""
    return await run_audited(context, actor, commands.accept, data)


@command(
    "/exceptions/{exception:str}/revoke",
    opt=OPERATORS,
    status_code=HTTP_200_OK,
    summary="Revoke what was accepted",
)
async def unaccept(
    context: Context, actor: Caller, exception: FromPath[str], data: JSONBody[SwitchRequest]
) -> SuppressionReply:
    """Revoke it; its findings count again."""
    request = UnacceptRequest(id=exception, by=data.by, reason=data.reason)
    return await revoke(context, actor, request)


@command(
    "/severities",
    opt=ADMINS,
    status_code=HTTP_201_CREATED,
    summary="Override the severity of a check at a site",
)
async def set_severity(
    context: Context, actor: Caller, data: JSONBody[SeveritySetRequest]
) -> SuppressionReply:
    """Override until a day, or until it is reset."""
    return await run_audited(context, actor, commands.set_severity, data)


@command(
    "/severities/reset",
    opt=ADMINS,
    status_code=HTTP_200_OK,
    summary="Remove the override of a severity",
)
async def reset_severity(
    context: Context, actor: Caller, data: JSONBody[SeverityResetRequest]
) -> SuppressionReply:
    """Reset the severity of one check at one site."""
    return await run_audited(context, actor, commands.reset_severity, data)


@command(
    "/targets/{target:str}/move",
    opt=OPERATORS,
    status_code=HTTP_200_OK,
    summary="Give a database to another site that announces it",
)
async def move_target(
    context: Context, actor: Caller, target: FromPath[str], data: JSONBody[TargetMoveRequest]
) -> FleetReply:
    """Move the target in the address and those in the body."""
    request = msgspec.structs.replace(data, targets=(target, *data.targets))
    return await run_audited(context, actor, fleet_commands.move_targets, request)


@command(
    "/targets/{target:str}/forget",
    opt=OPERATORS,
    status_code=HTTP_200_OK,
    summary="Forget a database that no worker announces",
)
async def forget_target(
    context: Context, actor: Caller, target: FromPath[str], data: JSONBody[SwitchRequest]
) -> FleetReply:
    """It leaves the counts; its findings are resolved."""
    request = TargetForgetRequest(targets=(target,), by=data.by, reason=data.reason)
    return await run_audited(context, actor, fleet_commands.forget_targets, request)


@command(
    "/workers/{worker:str}/forget",
    opt=OPERATORS,
    status_code=HTTP_200_OK,
    summary="Forget a worker that is down",
)
async def forget_worker(
    context: Context, actor: Caller, worker: FromPath[str], data: JSONBody[SwitchRequest]
) -> FleetReply:
    """Databases that no other worker announces are gone then."""
    request = WorkerForgetRequest(worker=worker, by=data.by, reason=data.reason)
    return await run_audited(context, actor, fleet_commands.forget_workers, request)


@command(
    "/targets/forget",
    opt=OPERATORS,
    status_code=HTTP_200_OK,
    summary="Forget several databases that no worker announces",
)
async def forget_targets(
    context: Context, actor: Caller, data: JSONBody[TargetForgetRequest]
) -> FleetReply:
    """Those named, or all that are gone; with `dry_run` only say which."""
    return await run_audited(context, actor, fleet_commands.forget_targets, data)


@command(
    "/workers/forget",
    opt=OPERATORS,
    status_code=HTTP_200_OK,
    summary="Forget several workers that are down",
)
async def forget_workers(
    context: Context, actor: Caller, data: JSONBody[WorkerForgetRequest]
) -> FleetReply:
    """Those named, or all that are down; with `dry_run` only say which."""
    return await run_audited(context, actor, fleet_commands.forget_workers, data)


HANDLERS = [
    *(move_target, forget_target, forget_worker, forget_targets, forget_workers),
    *(enable, disable, start_run, enable_check, disable_check, accept, unaccept),
    *(set_severity, reset_severity),
]
