"""`stt run` and `stt runs`: starts, follows, lists and shows runs."""

from __future__ import annotations

import asyncio
from typing import Annotated

from cyclopts import App, Parameter

from stt_cli.commands.reports.stored import Choice, chosen
from stt_shared import clock
from stt_shared.command import client, output, progress, reporting
from stt_shared.command.adding import CHANGE, READ, add_command, add_noun
from stt_shared.command.control import Control, find_run, follow, report
from stt_shared.command.gate import FailOn
from stt_shared.command.options import (
    AllowIncomplete,
    By,
    Checks,
    Connection,
    FailOnOption,
    Families,
    Output,
    Sites,
    Targets,
    user_name,
)
from stt_shared.command.output import OutputFormat
from stt_shared.command.reporting import Exports, ReportOutput
from stt_shared.errors import DisabledError, UsageError
from stt_shared.protocol.control import Empty, RunReply, RunRequest, StatusReply, Verb
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.queries.reports import RunsReply, RunsRequest
from stt_shared.protocol.records import RunRecord
from stt_shared.report import readable
from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.grid import Cell, Column, Grid
from stt_shared.report.model import Report
from stt_shared.report.views.status import switch_sentence

COLUMNS = (
    Column("RUN"),
    Column("STATE"),
    Column("STARTED"),
    Column("TOOK"),
    Column("DONE", right=True),
    Column("BY", shorten=True),
    Column("WHY", shorten=True),
)
DISABLED_HINT = (
    'to see what would run:   stt checks plan\nto enable:               stt enable --reason "..."'
)

WITHOUT_REPORT = {ReportFormat(form) for form in OutputFormat}  # as which a run alone is printed

Wait = Annotated[
    bool, Parameter(negative=(), help="Wait for the end, print the report, set the exit code.")
]


def add(app: App) -> None:
    """Add `run` and `runs` to `app`."""
    add_command(
        app,
        run,
        name="run",
        access="rw",
        summary="Start a run now: of everything, or of the given databases and checks",
        examples=(
            "stt run --wait",
            "stt run --target orders-1,orders-2 --check mysql_version --wait -o json",
            "stt run --family postgresql --site eu-west --wait --fail-on major",
        ),
        group=CHANGE,
    )
    runs = add_noun(app, "runs", "Runs: list, show", READ)
    add_command(
        runs,
        list_runs,
        name="list",
        access="ro",
        summary="List the newest runs",
        examples=("stt runs list", "stt runs list --limit 5 -o json"),
    )
    add_command(
        runs,
        show,
        name="show",
        access="ro",
        summary="Show one run and its report",
        examples=("stt runs show standard-20261123t160000z -o json",),
    )


async def run(
    *,
    target: Targets = (),
    site: Sites = (),
    family: Families = (),
    check: Checks = (),
    wait: Wait = False,
    fail_on: FailOnOption = FailOn.CRITICAL,
    allow_incomplete: AllowIncomplete = False,
    by: By = "",
    form: ReportOutput = ReportFormat.TABLE,
    export: Exports = (),
    connection: Connection | None = None,
) -> int:
    """Request a run; with `wait` follow it and set the exit code from its report.

    Raises DisabledError while checks are disabled, UsageError for an export without `wait`.
    """
    files = reporting.files(export)
    if not wait and (files or form not in WITHOUT_REPORT):
        what = "--export" if files else f"-o {form}"
        raise UsageError(f"{what} needs --wait: the report is complete when the run has finished")
    request = RunRequest(
        by=by or user_name(), targets=target, sites=site, families=family, checks=check
    )
    async with client.coordinator(connection) as control:
        reply = await _start(control, request)
        if not wait and form is not ReportFormat.TABLE:
            output.print_message(reply, OutputFormat(form))
            return 0
        if not wait:
            jobs = readable.number(reply.run.jobs, "database")
            output.print_text(f"Run {reply.run.run_id}: {jobs}.")
            _note_joined(reply)
            output.note(f"Follow: stt runs show {reply.run.run_id}", "hint")
            return 0
        found = await _wait(control, reply)
        # Checks that were not run because all of them were disabled during the run.
        disabled = (
            any(result.kind is Kind.DISABLED for result in found.results)
            and not (await control.ask(Verb.STATUS, Empty(), StatusReply)).state.enabled
        )
    reporting.deliver(found, form, files)
    return reporting.finish(
        found, form, fail_on, allow_incomplete=allow_incomplete, disabled=disabled
    )


async def _start(control: Control, request: RunRequest) -> RunReply:
    try:
        return await control.ask(Verb.RUN, request, RunReply)
    except DisabledError as error:
        status = await control.ask(Verb.STATUS, Empty(), StatusReply)
        sentence = switch_sentence(status.state, clock.now())
        raise DisabledError(f"{sentence} No run was started.", hint=DISABLED_HINT) from error


def _note_joined(reply: RunReply) -> None:
    if reply.joined:
        amount = readable.number(len(reply.joined), "database")
        output.note(f"{amount} already waits for a check: no second job was created", "hint")


async def _wait(control: Control, reply: RunReply) -> Report:
    _note_joined(reply)
    run_id = reply.run.run_id
    try:
        with progress.of_run(f"run {run_id}") as show_progress:
            await follow(control, reply.run, show_progress)
    except asyncio.CancelledError:  # Ctrl-C
        output.note(f"Run {run_id} continues: stt runs show {run_id}", "hint")
        raise
    return await report(control, run_id)


async def list_runs(
    *,
    limit: Annotated[int, Parameter(help="Number of runs, newest first.")] = 20,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """List the newest runs."""
    async with client.coordinator(connection) as control:
        reply = await control.ask(Verb.RUNS, RunsRequest(limit=limit), RunsReply)
    if form is OutputFormat.JSON:
        output.print_message(reply, form)
    elif form is OutputFormat.JSONL:
        output.print_lines(reply.runs)
    else:
        output.print_grid(Grid(COLUMNS, tuple(_cells(one) for one in reply.runs)))


async def show(
    run_id: Annotated[str, Parameter(help="The run's id, see stt runs list.")],
    /,
    *,
    form: ReportOutput = ReportFormat.TABLE,
    export: Exports = (),
    connection: Connection | None = None,
) -> None:
    """Show one run and its report."""
    files = reporting.files(export)
    async with client.coordinator(connection) as control:
        found = await find_run(control, run_id)
        of_run = await chosen(control, Choice(run=run_id))
    if form is ReportFormat.TABLE:
        state = f"{found.state}, {found.done} of {readable.number(found.jobs, 'database')} done"
        why = f" ({found.reason})" if found.reason else ""
        output.note(f"Run {found.run_id}: {state}{why}", "head")
    reporting.deliver(of_run, form, files)


def _cells(run: RunRecord) -> tuple[Cell, ...]:
    now = clock.now()
    started = readable.moment(run.started, now) if run.started else ""
    took = readable.span(run.finished - run.started) if run.started and run.finished else ""
    unanswered = f"{run.unanswered} unanswered" if run.unanswered else ""
    return (
        Cell(run.run_id, "name"),
        Cell(run.state),
        Cell(started, piped=readable.rfc3339(run.started)),
        Cell(took),
        Cell(f"{run.done}/{run.jobs}", "warn" if run.unanswered else ""),
        Cell(run.requested_by),
        Cell(", ".join(part for part in (run.reason, unanswered) if part)),
    )
