"""`stt report` and `stt gate`: writes reports, and sets the exit code for pipelines."""

from __future__ import annotations

from cyclopts import App

from stt_cli.commands.reports.stored import Choice, chosen
from stt_shared.command import client, exclusions, output, reporting
from stt_shared.command.adding import READ, add_command
from stt_shared.command.exclusions import MaxNotChecked
from stt_shared.command.gate import FailOn, failed_at_or_above
from stt_shared.command.options import AllowIncomplete, Connection, FailOnOption
from stt_shared.command.reporting import Exports, NotChecked, ReportOutput
from stt_shared.protocol.control import Empty, StatusReply, Verb
from stt_shared.protocol.enums import Severity
from stt_shared.report.counts import without_result
from stt_shared.report.formats import nagios
from stt_shared.report.formats.nagios import NotCheckedAs
from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.model import Report


def add(app: App) -> None:
    """Add `report` and `gate` to `app`."""
    add_command(
        app,
        show,
        name="report",
        access="ro",
        summary="Write the report of a stored run, or of the current state, in any format",
        examples=(
            "stt report --last -o html > report.html",
            "stt report --run standard-20261123t160000z --export r.sarif --export r.csv",
            "stt report --site eu-west --export junit:tests.xml",
        ),
        group=READ,
    )
    add_command(
        app,
        gate,
        name="gate",
        access="ro",
        summary="Set the exit code from the latest results, for pipelines",
        examples=(
            "stt gate --fail-on critical",
            "stt gate --target orders-1 --fail-on major --export junit:stt.xml",
            "stt gate --last --max-not-checked 5",
        ),
        group=READ,
    )


async def show(
    *,
    choice: Choice | None = None,
    form: ReportOutput = ReportFormat.TABLE,
    export: Exports = (),
    not_checked_as: NotChecked = NotCheckedAs.UNKNOWN,
    connection: Connection | None = None,
) -> int:
    """Print a report and write files; never gates, but -o nagios has a plugin's exit code."""
    files = reporting.files(export)
    wanted = choice or Choice()
    async with client.coordinator(connection) as control:
        found = await chosen(control, wanted)
    reporting.deliver(found, form, files, part=wanted.part)
    if form is not ReportFormat.NAGIOS:
        return 0
    return nagios.state(found.summary, not_checked_as, without_result=without_result(found))


async def gate(
    *,
    choice: Choice | None = None,
    fail_on: FailOnOption = FailOn.CRITICAL,
    allow_incomplete: AllowIncomplete = False,
    max_not_checked: MaxNotChecked = 0,
    form: ReportOutput = ReportFormat.TABLE,
    export: Exports = (),
    connection: Connection | None = None,
) -> int:
    """Apply the rule of exit codes to the latest outcomes, or to a stored run."""
    files, wanted = reporting.files(export), choice or Choice()
    async with client.coordinator(connection) as control:
        status = await control.ask(Verb.STATUS, Empty(), StatusReply)
        found = await chosen(control, wanted)
    for what in () if wanted.is_of_a_run else status.degraded:
        output.note(f"warning: {what}", "warn")
    _print_numbers(found, form, fail_on)
    reporting.deliver(found, form, files, tables=False, part=wanted.part)
    missing = without_result(found)
    tolerated = exclusions.tolerates(found, max_not_checked, missing)
    return reporting.finish(
        found,
        form,
        fail_on,
        allow_incomplete=allow_incomplete or tolerated,
        disabled=not wanted.is_of_a_run and not status.state.enabled,
        without_result=missing,
        nothing=not found.results,
    )


def _print_numbers(found: Report, form: ReportFormat, fail_on: FailOn) -> None:
    """Print the findings per severity, or that none is severe enough."""
    if form is not ReportFormat.TABLE:
        return
    counts = found.summary
    if fail_on is FailOn.NONE or failed_at_or_above(counts, fail_on):
        amounts = zip(Severity, (counts.critical, counts.major, counts.trivial), strict=True)
        known = f", {counts.baseline} in the baseline" if counts.baseline else ""
        output.print_text(", ".join(f"{amount} {severity}" for severity, amount in amounts) + known)
    else:
        output.print_text(f"0 at or above {fail_on}")
