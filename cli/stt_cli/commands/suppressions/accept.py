"""`stt accept`, `stt unaccept`, `stt severity`: accepts findings, overrides severities."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from stt_cli.commands.since import parse_until
from stt_shared import clock
from stt_shared.command import client, output
from stt_shared.command.adding import CHANGE, add_command, add_noun
from stt_shared.command.options import By, Connection, Output, user_name
from stt_shared.command.output import OutputFormat
from stt_shared.errors import UsageError
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.messages import Value
from stt_shared.protocol.suppressions import (
    AcceptRequest,
    SeverityResetRequest,
    SeveritySetRequest,
    SuppressionReply,
    UnacceptRequest,
)
from stt_shared.report.views.suppressions import made_sentence, over_sentence

DryRun = Annotated[bool, Parameter(negative=(), help="Show what would change, change nothing.")]
Why = Annotated[str, Parameter(help="Reason; shown to auditors.", show_default=False)]
Check = Annotated[str, Parameter(help="All findings of this check.", show_default=False)]
Target = Annotated[str, Parameter(help="With --check: on this database.", show_default=False)]
Label = Annotated[
    str,
    Parameter(help="With --check: on databases with this label, key=value.", show_default=False),
]
Site = Annotated[str, Parameter(help="With --check: at this site.", show_default=False)]
OneSite = Annotated[str, Parameter(help="The site where it applies.")]
CheckName = Annotated[str, Parameter(help="The check's name, see stt checks list.")]
Until = Annotated[str, Parameter(help="Last day (UTC): 2026-12-31, 30d or 8w.", show_default=False)]


def add(app: App) -> None:
    """Add the commands to `app`."""
    add_command(
        app,
        accept,
        name="accept",
        access="rw",
        summary="Accept a finding, or a check on a target, label or site, until a date",
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
        summary="Revoke what was accepted, by the id of the exception or of the finding",
        examples=("stt unaccept x_3kq7c2", 'stt unaccept f_7q2m9k --reason "proxy is gone"'),
        group=CHANGE,
    )
    noun = add_noun(app, "severity", "Override the severity of a check at a site", CHANGE)
    add_command(
        noun,
        set_severity,
        name="set",
        access="rw",
        summary="Give findings of a check at a site another severity",
        examples=('stt severity set mysql_version trivial --site lab --reason "no data there"',),
    )
    add_command(
        noun,
        reset_severity,
        name="reset",
        access="rw",
        summary="Give them the severity of the check again",
        examples=("stt severity reset mysql_version --site lab",),
    )


async def accept(
    finding: Annotated[str, Parameter(help="The finding's id or the start of it.")] = "",
    /,
    *,
    until: Until = "",
    reason: Why = "",
    check: Check = "",
    target: Target = "",
    label: Label = "",
    site: Site = "",
    by: By = "",
    dry_run: DryRun = False,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Accept until a date; afterwards the findings are open again.

    Raises UsageError without `until`.
    """
    if not until:
        raise UsageError(
            "--until is missing", hint="findings are accepted until a date: --until 30d"
        )
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
    _print_made(reply, form, undo=f"stt unaccept {reply.exception.id}")


async def set_severity(
    check: CheckName,
    severity: Annotated[Severity, Parameter(help="The severity of its findings.")],
    /,
    *,
    site: OneSite,
    reason: Why = "",
    until: Until = "",
    by: By = "",
    dry_run: DryRun = False,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Override the severity, until a date or until it is reset."""
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
    _print_made(reply, form, undo=f"stt severity reset {one.check} --site {one.site}")


async def _ask(verb: Verb, request: Value, connection: Connection | None) -> SuppressionReply:
    async with client.coordinator(connection) as control:
        return await control.ask(verb, request, SuppressionReply)


def _print_made(reply: SuppressionReply, form: OutputFormat, *, undo: str) -> None:
    if form is not OutputFormat.TABLE:
        output.print_message(reply, form)
        return
    output.print_text(made_sentence(reply, clock.now()))
    if not reply.findings:
        output.note("No finding matches now; it applies to later ones.", "hint")
    if reply.changed:
        output.note(f"Undo: {undo}", "hint")


async def unaccept(
    exception: Annotated[str, Parameter(help="Id of the exception or of the finding.")],
    /,
    *,
    reason: Why = "",
    by: By = "",
    dry_run: DryRun = False,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Revoke an acceptance: its findings are open again."""
    request = UnacceptRequest(id=exception, by=by or user_name(), reason=reason, dry_run=dry_run)
    _print_over(await _ask(Verb.UNACCEPT, request, connection), form, dry_run=dry_run)


async def reset_severity(
    check: CheckName,
    /,
    *,
    site: OneSite,
    reason: Why = "",
    by: By = "",
    dry_run: DryRun = False,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Remove an override of a severity."""
    request = SeverityResetRequest(
        check=check, site=site, by=by or user_name(), reason=reason, dry_run=dry_run
    )
    _print_over(await _ask(Verb.SEVERITY_RESET, request, connection), form, dry_run=dry_run)


def _print_over(reply: SuppressionReply, form: OutputFormat, *, dry_run: bool) -> None:
    if form is not OutputFormat.TABLE:
        output.print_message(reply, form)
        return
    output.print_text(over_sentence(reply, dry_run=dry_run))
