"""`stt targets forget` and `stt workers forget`: those that are named, or all of a kind."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import msgspec
from cyclopts import Parameter

from stt_shared.command import client, output
from stt_shared.command.options import By, Connection, Output, Reason, Sites, user_name
from stt_shared.command.output import OutputFormat
from stt_shared.errors import UsageError
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Leftovers
from stt_shared.protocol.queries.fleet import (
    MAX_FORGOTTEN,
    FleetReply,
    TargetForgetRequest,
    WorkerForgetRequest,
)
from stt_shared.report import readable

Request = TypeVar("Request", TargetForgetRequest, WorkerForgetRequest)
Ask = Callable[[Request], Awaitable[FleetReply]]
Databases = Annotated[tuple[str, ...], Parameter(help="Names of databases, see stt targets list.")]
Workers = Annotated[tuple[str, ...], Parameter(help="Names of workers, see stt workers list.")]
Yes = Annotated[bool, Parameter(name="--yes", negative=(), help="Do not ask for a confirmation.")]
DryRun = Annotated[
    bool,
    Parameter(name="--dry-run", negative=(), help="Say what would be forgotten, change nothing."),
]


async def forget_targets(
    names: Databases = (),
    /,
    *,
    gone: Annotated[bool, Parameter(negative=(), help="All databases that are gone.")] = False,
    never_answered: Annotated[
        bool, Parameter(negative=(), help="Those that are gone and were never checked.")
    ] = False,
    site: Sites = (),
    dry_run: DryRun = False,
    yes: Yes = False,
    reason: Reason = "",
    by: By = "",
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Forget databases, those that are named or all of a kind."""
    if names and dry_run:
        # A coordinator of the release before would forget them: it knows no dry run.
        raise UsageError("--dry-run needs a selection", hint="use --gone or --never-answered")
    request = TargetForgetRequest(
        targets=names,
        which=_which(names, "--gone", all_=gone, never_answered=never_answered, sites=site),
        sites=site,
        by=by or user_name(),
        reason=reason,
        dry_run=dry_run,
    )
    async with client.coordinator(connection) as control:

        async def ask(asked: TargetForgetRequest) -> FleetReply:
            return await control.ask(Verb.TARGET_FORGET, asked, FleetReply)

        await _forget(ask, request, form, yes=yes)


async def forget_workers(
    names: Workers = (),
    /,
    *,
    down: Annotated[bool, Parameter(negative=(), help="All workers that are down.")] = False,
    never_answered: Annotated[
        bool, Parameter(negative=(), help="Those that are down and sent no result.")
    ] = False,
    site: Sites = (),
    dry_run: DryRun = False,
    yes: Yes = False,
    reason: Reason = "",
    by: By = "",
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Forget workers, those that are named or all of a kind."""
    request = WorkerForgetRequest(
        # One name in the field that a coordinator of the release before knows. A dry run it does
        # not know: it must find no name there.
        worker=names[0] if len(names) == 1 and not dry_run else "",
        workers=names if len(names) > 1 or dry_run else (),
        which=_which(names, "--down", all_=down, never_answered=never_answered, sites=site),
        sites=site,
        by=by or user_name(),
        reason=reason,
        dry_run=dry_run,
    )
    async with client.coordinator(connection) as control:

        async def ask(asked: WorkerForgetRequest) -> FleetReply:
            reply = await control.ask(Verb.WORKER_FORGET, asked, FleetReply)
            if reply.changed and not reply.workers:  # of a coordinator of the release before
                gone = len(reply.targets)
                return msgspec.structs.replace(reply, workers=(asked.worker,), target_count=gone)
            return reply

        await _forget(ask, request, form, yes=yes)


def _which(
    names: tuple[str, ...], flag: str, *, all_: bool, never_answered: bool, sites: tuple[str, ...]
) -> Leftovers | None:
    """What is selected; None: those of `names`. Raises UsageError for both, and for neither."""
    is_selected = all_ or never_answered
    if bool(names) is is_selected or (sites and not is_selected):
        what = "--site selects nothing by itself" if sites and not is_selected else ""
        what = what or ("names and a selection" if names else "no name and no selection")
        hint = f"name them, or use {flag} or --never-answered, with --site for some sites"
        raise UsageError(f"what to forget is not clear: {what}", hint=hint)
    if not is_selected:
        return None
    return Leftovers.NEVER_ANSWERED if never_answered else Leftovers.ALL


async def _forget(ask: Ask[Request], request: Request, form: OutputFormat, *, yes: bool) -> None:
    """Forget what is asked for: a selection after a confirmation that says how many of what."""
    if request.which is None or request.dry_run:
        _print(request, await ask(request), form)
        return
    found = await ask(msgspec.structs.replace(request, dry_run=True))
    left = _number(request, found) + found.more
    if left and not yes and not _confirmed(_described(request, found)):
        output.print_text("Nothing changed.")
        return
    done = FleetReply(targets=(), changed=False)
    # No more than was confirmed, in requests that do not hold up results for long.
    while left > 0:
        limit = min(left, MAX_FORGOTTEN)
        reply = await ask(msgspec.structs.replace(request, limit=limit))
        left -= _number(request, reply)
        done = _sum(done, reply)
        if not reply.changed or not reply.more:
            break
    _print(request, done, form)


def _number(request: TargetForgetRequest | WorkerForgetRequest, reply: FleetReply) -> int:
    is_of_workers = isinstance(request, WorkerForgetRequest)
    return len(reply.workers) if is_of_workers else len(reply.targets)


def _sum(one: FleetReply, other: FleetReply) -> FleetReply:
    return FleetReply(
        targets=one.targets + other.targets,
        changed=one.changed or other.changed,
        workers=one.workers + other.workers,
        target_count=one.target_count + other.target_count,
        more=other.more,
    )


def _described(request: TargetForgetRequest | WorkerForgetRequest, reply: FleetReply) -> str:
    """How many of what, e.g. `forget 12 workers (a, b and 10 more); 3 databases are gone then`."""
    total = _number(request, reply) + reply.more
    if isinstance(request, TargetForgetRequest):
        named = readable.first_names(reply.targets, total=total)
        return f"forget {readable.number(total, 'database')} ({named})"
    named = readable.first_names(reply.workers, total=total)
    gone = readable.number(reply.target_count, "database")
    least = "at least " if reply.more else ""
    are = "is" if reply.target_count == 1 else "are"
    return f"forget {readable.number(total, 'worker')} ({named}); {least}{gone} {are} gone then"


def _confirmed(what: str) -> bool:
    """Whether the user says yes; raises UsageError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError(f"a confirmation is needed to {what}", hint="add --yes, or --dry-run")
    sys.stderr.write(f"{what[0].upper()}{what[1:]}. Continue? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _print(
    request: TargetForgetRequest | WorkerForgetRequest, reply: FleetReply, form: OutputFormat
) -> None:
    if form is not OutputFormat.TABLE:
        output.print_message(reply, form)
        return
    if not _number(request, reply):
        output.print_text("Nothing changed.")
        return
    if request.dry_run:
        output.print_text(f"Would {_described(request, reply)}.")
        return
    targets = readable.first_names(reply.targets, total=reply.target_count) or "no database"
    if isinstance(request, TargetForgetRequest):
        output.print_text(f"Forgotten: {targets}")
        return
    noun = "Worker" if len(reply.workers) == 1 else "Workers"
    output.print_text(f"{noun} {readable.first_names(reply.workers)} forgotten. Gone: {targets}")
