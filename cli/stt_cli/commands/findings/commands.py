"""`stt findings`: lists findings, shows one, watches changes."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from stt_cli.commands.findings import diff
from stt_cli.commands.findings.filters import check_names, matches, with_labelled
from stt_shared import clock
from stt_shared.command import client, output, reporting
from stt_shared.command.adding import READ, add_command, add_noun
from stt_shared.command.control import Control, report
from stt_shared.command.options import (
    CheckPatterns,
    Connection,
    Families,
    Labels,
    Output,
    Severities,
    SitePatterns,
    TargetPatterns,
)
from stt_shared.command.output import OutputFormat
from stt_shared.command.reporting import ReportOutput
from stt_shared.errors import ProtocolError, UsageError
from stt_shared.protocol.codec import decode
from stt_shared.protocol.control import Verb
from stt_shared.protocol.findings import (
    FindingReply,
    FindingRequest,
    FindingsReply,
    FindingsRequest,
)
from stt_shared.protocol.records import FindingEvent, FindingRecord
from stt_shared.protocol.subjects import EVENTS_OF_FINDINGS
from stt_shared.report import readable
from stt_shared.report.counts import of_results
from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.model import Report
from stt_shared.report.views.changes import change_line
from stt_shared.report.views.finding import finding_block
from stt_shared.report.views.table import findings_grid, rows_of_records

PAGE = 100  # findings asked for at once
ROWS_ON_TERMINAL = 50

State = Literal["open", "accepted", "gone", "resolved", "all"]
EVERYTHING = FindingsRequest()
REPORTED = ("open", "accepted")  # states that the report holds


def add(app: App) -> None:
    """Add `findings` and its commands to `app`."""
    findings = add_noun(app, "findings", "Findings: list, show, watch, compare", READ)
    add_command(
        findings,
        list_findings,
        name="list",
        access="ro",
        summary="List findings, most severe first",
        examples=(
            "stt findings list --severity critical,major",
            "stt findings list --site eu-west --family mysql -o json",
            "stt findings list --label team=finance --target orders-*",
            "stt findings list --state accepted",
            "stt findings list --state resolved --page 2",
        ),
    )
    add_command(
        findings,
        show,
        name="show",
        access="ro",
        summary="Show one finding: what was found, why it matters, how to fix it, its history",
        examples=("stt findings show f_7q2m9kx4ab2c", "stt findings show f_7q2 -o json"),
    )
    add_command(
        findings,
        watch,
        name="watch",
        access="ro",
        summary="Show each change of a finding as it happens, until Ctrl-C",
        examples=("stt findings watch", "stt findings watch --severity critical -o jsonl"),
    )
    diff.add(findings)


async def list_findings(
    *,
    severity: Severities = (),
    family: Families = (),
    site: SitePatterns = (),
    target: TargetPatterns = (),
    check: CheckPatterns = (),
    label: Labels = (),
    state: Annotated[State, Parameter(help="Only findings in this state.")] = "open",
    limit: Annotated[
        int | None, Parameter(help="Rows per page; default: 50 on a terminal, all in a pipe.")
    ] = None,
    page: Annotated[int, Parameter(help="Page number, from 1.")] = 1,
    form: ReportOutput = ReportFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """List findings; in other formats than `table` print the report of those that match.

    Raises UsageError for a page or limit below 1, and for a state that a report does not contain.
    """
    wanted = FindingsRequest(
        severities=severity,
        families=family,
        sites=site,
        targets=target,
        checks=check,
        labels=label,
        state=state,
    )
    for name, value in (("page", page), ("limit", limit)):
        if value is not None and value < 1:
            raise UsageError(f"--{name} is {value}, expected 1 or more")
    if form is not ReportFormat.TABLE and state not in REPORTED:
        raise UsageError(f"--state is {state}, expected open or accepted with -o {form}")
    async with client.coordinator(connection) as control:
        if form is ReportFormat.TABLE:
            await _print_rows(control, wanted, limit, page)
            return
        # The report is filtered here: without this a misspelt name would give an empty report.
        await check_names(control, wanted)
        named = await with_labelled(control, wanted)
        found = filtered(await report(control), named)
    reporting.deliver(
        found, form, part="findings that match the filters" if wanted != EVERYTHING else ""
    )


def filtered(whole: Report, wanted: FindingsRequest) -> Report:
    """The results of `whole` that match `wanted`, with their counts.

    With severities or `accepted` wanted, results without such a finding are left out.
    """
    results = [
        result
        for result in whole.results
        if matches(
            wanted,
            family=result.family,
            site=result.site,
            target=result.target,
            check=result.check,
        )
    ]
    narrow = bool(wanted.severities) or wanted.state == "accepted"
    if narrow:
        results = [
            msgspec.structs.replace(result, findings=kept)
            for result in results
            if (
                kept := tuple(
                    one
                    for one in result.findings
                    if (not wanted.severities or one.severity in wanted.severities)
                    and (wanted.state != "accepted" or one.accepted is not None)
                )
            )
        ]
    if len(results) == len(whole.results) and not narrow:
        return whole
    return msgspec.structs.replace(whole, results=tuple(results), summary=of_results(results))


async def _print_rows(
    control: Control, wanted: FindingsRequest, limit: int | None, page: int
) -> None:
    rows = limit or (ROWS_ON_TERMINAL if output.on_terminal() else None)
    found, last = await _fetch(control, wanted, rows, page)
    total = last.total
    left_out = readable.target_parts(last.parts_not_checked)
    for what in filter(None, [last.notice, left_out and f"databases not checked: {left_out}"]):
        output.note(f"warning: {what}", "warn")
    with_accepted = wanted.state in ("accepted", "all")
    grid = findings_grid(rows_of_records(found), clock.now(), with_accepted=with_accepted)
    output.print_grid(grid)
    shown = (page - 1) * (rows or 0) + len(found)
    if not total:
        output.note("No findings.")
    elif len(found) < total:
        severities = readable.by_severity(record.severity for record in found)
        after = f" Next page: --page {page + 1}" if shown < total else ""
        output.note(f"{len(found)} of {total} shown ({severities}).{after}", "hint")


async def _fetch(
    control: Control, wanted: FindingsRequest, rows: int | None, page: int
) -> tuple[list[FindingRecord], FindingsReply]:
    """The findings of a page of `rows` (None: all), and the last reply."""
    found: list[FindingRecord] = []
    first = (page - 1) * (rows or 0)
    while True:
        size = PAGE if rows is None else min(PAGE, rows - len(found))
        request = msgspec.structs.replace(wanted, offset=first + len(found), limit=size)
        reply = await control.ask(Verb.FINDINGS, request, FindingsReply)
        found.extend(reply.findings)
        complete = first + len(found) >= reply.total or len(found) == rows
        # An empty page ends the loop too: findings may be resolved between two pages.
        if complete or not reply.findings:
            return found, reply


async def show(
    finding: Annotated[str, Parameter(help="The finding's id or the start of it.")],
    /,
    *,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Show one finding."""
    async with client.coordinator(connection) as control:
        reply = await control.ask(Verb.FINDING, FindingRequest(id=finding), FindingReply)
    if reply.notice:
        output.note(f"warning: {reply.notice}", "warn")
    if form is OutputFormat.TABLE:
        output.print_rich(*finding_block(reply, clock.now()))
    else:
        output.print_message(reply, form)


async def watch(
    *,
    severity: Severities = (),
    family: Families = (),
    site: SitePatterns = (),
    limit: Annotated[int | None, Parameter(help="Stop after this number of changes.")] = None,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Print each change as it is published."""
    wanted = FindingsRequest(severities=severity, families=family, sites=site)
    shown = 0
    async with (
        client.coordinator(connection) as control,
        control.bus.listen(EVENTS_OF_FINDINGS) as messages,
    ):
        output.note("Watching for changes. Ctrl-C stops.", "hint")
        async for message in messages:
            shown += _print_event(message.data, wanted, form)
            if limit is not None and shown >= limit:
                return


def _print_event(data: bytes, wanted: FindingsRequest, form: OutputFormat) -> bool:
    try:
        event = decode(FindingEvent, data)
    except ProtocolError as error:
        output.note(f"warning: event skipped: {error.message}", "warn")
        return False
    after = event.after
    if not matches(
        wanted,
        severity=after.severity,
        family=after.family,
        site=after.site,
        target=after.target,
        check=after.check,
    ):
        return False
    if form is OutputFormat.TABLE:
        output.print_rich(change_line(event))
    else:
        output.print_lines([event])
    return True
