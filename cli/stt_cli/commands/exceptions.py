"""`stt accept`, `stt unaccept`, `stt severity`, `stt exceptions`: what counts apart, until when."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from stt_cli.commands import exceptions_file
from stt_cli.commands.since import parse_until
from stt_shared import clock
from stt_shared.command import client, output
from stt_shared.command.adding import CHANGE, READ, add_command, add_noun
from stt_shared.command.control import Control
from stt_shared.command.options import By, Connection, Output, user_name
from stt_shared.command.output import OutputFormat
from stt_shared.errors import UsageError
from stt_shared.protocol.control import Verb
from stt_shared.protocol.exceptions import (
    AcceptRequest,
    ExceptionInfo,
    ExceptionReply,
    ExceptionsReply,
    ExceptionsRequest,
    ImportedException,
    ImportReply,
    ImportRequest,
    SeverityResetRequest,
    SeveritySetRequest,
    UnacceptRequest,
)
from stt_shared.protocol.messages import Value
from stt_shared.protocol.words import Severity
from stt_shared.report.exceptions import exceptions_grid, made_sentence, over_sentence
from stt_shared.report.grid import Cell, Column, Grid

PAGE = 500  # exceptions asked for at once
PART = 100  # of a file sent at once: each part is one transaction of the coordinator
State = Literal["live", "ended", "revoked", "all"]
IMPORTED = (Column("ID"), Column("WHAT"))

DryRun = Annotated[bool, Parameter(negative=(), help="Only say what it would do.")]
Why = Annotated[str, Parameter(help="Why; auditors read it.", show_default=False)]
Text = Annotated[str, Parameter(show_default=False)]
CheckName = Annotated[str, Parameter(help="The check's name, see stt checks list.")]
Until = Annotated[
    str, Parameter(help="Its last day (UTC): 2026-12-31, 30d or 8w.", show_default=False)
]


def add(app: App) -> None:
    """Add the commands to `app`."""
    add_command(
        app,
        accept,
        name="accept",
        access="rw",
        summary="Accept a finding, or a check on a target, label or site, until a day",
        examples=(
            'stt accept f_7q2m9k --until 2026-12-31 --reason "proxy only, CHG-4411"',
            'stt accept --check mysql_version --label team=orders --until 8w --reason "upgrade"',
            "stt accept --check mysql_tls_disabled --site lab --until 30d --reason lab --dry-run",
        ),
        group=CHANGE,
    )
    add_command(
        app,
        unaccept,
        name="unaccept",
        access="rw",
        summary="Revoke an exception, by its id or the finding it is for",
        examples=("stt unaccept x_3kq7c2", 'stt unaccept f_7q2m9k --reason "proxy is gone"'),
        group=CHANGE,
    )
    _add_exceptions(app)
    _add_severity(app)


def _add_exceptions(app: App) -> None:
    noun = add_noun(app, "exceptions", "What is accepted, by whom, why and until when", READ)
    add_command(
        noun,
        list_exceptions,
        name="list",
        access="ro",
        summary="List exceptions, newest first; with --state all past ones too",
        examples=("stt exceptions list", "stt exceptions list --state all -o json"),
    )
    add_command(
        noun,
        export,
        name="export",
        access="ro",
        summary="Print the exceptions that hold as a YAML file to keep in git",
        examples=("stt exceptions export > exceptions.yaml",),
    )
    add_command(
        noun,
        import_file,
        name="import",
        access="rw",
        summary="Enter the exceptions of a YAML file: all, or none if one is wrong",
        examples=(
            "stt exceptions import exceptions.yaml --dry-run",
            "stt exceptions import exceptions.yaml",
        ),
    )


def _add_severity(app: App) -> None:
    noun = add_noun(app, "severity", "Other severities than the checks say, per site", CHANGE)
    add_command(
        noun,
        set_severity,
        name="set",
        access="rw",
        summary="Let findings of a check at a site count as of another severity",
        examples=('stt severity set mysql_version trivial --site lab --reason "no data there"',),
    )
    add_command(
        noun,
        reset_severity,
        name="reset",
        access="rw",
        summary="Let them count as what the check says again",
        examples=("stt severity reset mysql_version --site lab",),
    )


async def accept(
    finding: Annotated[str, Parameter(help="The finding's id, or how it begins.")] = "",
    /,
    *,
    until: Until = "",
    reason: Why = "",
    check: Text = "",
    target: Text = "",
    label: Annotated[str, Parameter(help="key=value", show_default=False)] = "",
    site: Text = "",
    by: By = "",
    dry_run: DryRun = False,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Accept until a day; nothing is deleted, and it comes back by itself."""
    if not until:
        raise UsageError("--until is missing", hint="nothing is accepted for ever: --until 30d")
    request = AcceptRequest(
        finding=finding,
        until=parse_until(until, clock.now()),
        reason=reason,
        check=check,
        target=target,
        label=label,
        site=site,
        by=by or user_name(),
        dry_run=dry_run,
    )
    reply = await _ask(Verb.ACCEPT, request, connection)
    _tell_made(reply, form, undo=f"stt unaccept {reply.exception.id}")


async def set_severity(
    check: CheckName,
    severity: Annotated[Severity, Parameter(help="As how severe its findings count.")],
    /,
    *,
    site: str,
    reason: Why = "",
    until: Until = "",
    by: By = "",
    dry_run: DryRun = False,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Count as of another severity, until a day or until it is reset."""
    request = SeveritySetRequest(
        check=check,
        site=site,
        severity=severity,
        reason=reason,
        until=parse_until(until, clock.now()) if until else None,
        by=by or user_name(),
        dry_run=dry_run,
    )
    reply = await _ask(Verb.SEVERITY_SET, request, connection)
    one = reply.exception
    _tell_made(reply, form, undo=f"stt severity reset {one.check} --site {one.site}")


async def _ask(verb: Verb, request: Value, connection: Connection | None) -> ExceptionReply:
    async with client.coordinator(connection) as control:
        return await control.ask(verb, request, ExceptionReply)


def _tell_made(reply: ExceptionReply, form: OutputFormat, *, undo: str) -> None:
    if form is not OutputFormat.TABLE:
        output.print_message(reply, form)
        return
    output.print_text(made_sentence(reply, clock.now()))
    if not reply.findings:
        output.note("No finding is in its scope now; one that comes will be.", "hint")
    if reply.changed:
        output.note(f"Undo: {undo}", "hint")


async def unaccept(
    exception: Annotated[str, Parameter(help="The exception's id, or that of its finding.")],
    /,
    *,
    reason: Why = "",
    by: By = "",
    dry_run: DryRun = False,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Revoke an exception: what it accepted is open again."""
    request = UnacceptRequest(id=exception, by=by or user_name(), reason=reason, dry_run=dry_run)
    _tell_over(await _ask(Verb.UNACCEPT, request, connection), form, dry_run=dry_run)


async def reset_severity(
    check: CheckName,
    /,
    *,
    site: str,
    reason: Why = "",
    by: By = "",
    dry_run: DryRun = False,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """End another severity."""
    request = SeverityResetRequest(
        check=check, site=site, by=by or user_name(), reason=reason, dry_run=dry_run
    )
    _tell_over(await _ask(Verb.SEVERITY_RESET, request, connection), form, dry_run=dry_run)


def _tell_over(reply: ExceptionReply, form: OutputFormat, *, dry_run: bool) -> None:
    if form is not OutputFormat.TABLE:
        output.print_message(reply, form)
        return
    output.print_text(over_sentence(reply, dry_run=dry_run))


async def list_exceptions(
    *,
    state: Annotated[State, Parameter(help="Only exceptions in this state.")] = "live",
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """List exceptions."""
    async with client.coordinator(connection) as control:
        found = await _all(control, state)
    if form is OutputFormat.JSON:
        output.print_message(ExceptionsReply(exceptions=found, total=len(found)), form)
    elif form is OutputFormat.JSONL:
        output.print_lines(found)
    else:
        output.print_grid(exceptions_grid(found, clock.now()))
        if not found:
            output.note("No exceptions." if state == "all" else f"No {state} exceptions.")


async def _all(control: Control, state: State) -> tuple[ExceptionInfo, ...]:
    """All pages of exceptions; one that moved between two pages stands there once."""
    found: dict[str, ExceptionInfo] = {}
    offset = 0
    while True:
        request = ExceptionsRequest(state=state, offset=offset, limit=PAGE)
        reply = await control.ask(Verb.EXCEPTIONS, request, ExceptionsReply)
        found.update((info.exception.id, info) for info in reply.exceptions)
        offset += len(reply.exceptions)
        if not reply.exceptions or offset >= reply.total:
            return tuple(found.values())


async def export(*, connection: Connection | None = None) -> None:
    """Print what holds as YAML."""
    async with client.coordinator(connection) as control:
        found = await _all(control, "live")
    output.print_text(exceptions_file.written(info.exception for info in found))


async def import_file(
    file: Annotated[Path, Parameter(help="A file as stt exceptions export prints it.")],
    /,
    *,
    by: By = "",
    dry_run: DryRun = False,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Enter a file's exceptions; what is over in the store stays over."""
    whole = ImportRequest(exceptions=exceptions_file.read(file), by=by or user_name())
    async with client.coordinator(connection) as control:
        # A first look at everything: of a file in several parts none may be entered alone.
        found = await _import(control, msgspec.structs.replace(whole, dry_run=True))
        if not dry_run:
            found = await _import(control, whole)
    if form is OutputFormat.TABLE:
        cells = ((Cell(one.id, "name"), Cell(one.what)) for one in found)
        output.print_grid(Grid(IMPORTED, tuple(cells)))
        output.note(_totals(found, dry_run=dry_run))
    elif form is OutputFormat.JSONL:
        output.print_lines(found)
    else:
        output.print_message(ImportReply(exceptions=found), form)


async def _import(control: Control, whole: ImportRequest) -> tuple[ImportedException, ...]:
    found: list[ImportedException] = []
    for first in range(0, len(whole.exceptions), PART):
        part = msgspec.structs.replace(whole, exceptions=whole.exceptions[first : first + PART])
        reply = await control.ask(Verb.EXCEPTIONS_IMPORT, part, ImportReply)
        found.extend(reply.exceptions)
    return tuple(found)


def _totals(found: tuple[ImportedException, ...], *, dry_run: bool) -> str:
    amounts = Counter(one.what for one in found)
    told = ", ".join(f"{number} {what}" for what, number in amounts.items()) or "no exceptions"
    return f"{told} (nothing was changed: --dry-run)" if dry_run else told
