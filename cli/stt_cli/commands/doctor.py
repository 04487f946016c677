"""`stt doctor`: diagnoses the installation part by part and recommends what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from cyclopts import App, Parameter
from rich.text import Text

from stt_cli.doctor import consumers
from stt_cli.doctor.diagnostic_line import DiagnosticLine, amounts, verdict
from stt_cli.doctor.examine import Scope, examine
from stt_cli.doctor.rights import Part
from stt_shared.command import output
from stt_shared.command.adding import TOOL, add_command
from stt_shared.command.options import Connection, Output
from stt_shared.command.output import OutputFormat
from stt_shared.errors import UsageError
from stt_shared.report.theme import clean

STUCK_S = consumers.STUCK.total_seconds()
LEVEL_WIDTH, LABEL_WIDTH = 5, 18

MonitorUrl = Annotated[
    str | None,
    Parameter(help="Monitoring address of nats-server, e.g. http://127.0.0.1:8222."),
]
As = Annotated[
    Part | None,
    Parameter(
        name="--as",
        help="Whose rights on NATS are checked; default: worker if the file has targets.",
        show_default=False,
    ),
]
StuckAfter = Annotated[
    float, Parameter(help="Seconds without a delivery after which a consumer is stuck.")
]


def add(app: App) -> None:
    """Add `doctor` to `app`."""
    add_command(
        app,
        doctor,
        name="doctor",
        access="ro",
        summary="Diagnose the installation: NATS, rights, coordinator, store, pack, workers",
        examples=(
            "stt doctor",
            "stt doctor --nats-monitor-url http://127.0.0.1:8222 -o json",
            "stt doctor --config /etc/stt/config.toml --as coordinator",
            "stt doctor --config /etc/stt/worker.toml",
        ),
        group=TOOL,
    )


async def doctor(
    *,
    nats_monitor_url: MonitorUrl = None,
    part: As = None,
    stuck_after_s: StuckAfter = STUCK_S,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> int:
    """Print one line per diagnosed part; returns the exit code. Changes nothing.

    Raises UsageError for a negative `stuck_after_s`.
    """
    if stuck_after_s < 0:
        raise UsageError(f"--stuck-after-s is {stuck_after_s:g}, expected 0 or more")
    scope = Scope(
        connection=connection or Connection(),
        monitor_url=nats_monitor_url,
        part=part,
        stuck=timedelta(seconds=stuck_after_s),
    )
    lines: list[DiagnosticLine] = []
    async for line in examine(scope):
        lines.append(line)
        if form is OutputFormat.TABLE:
            output.print_hanging(drawn(line))
        elif form is OutputFormat.JSONL:
            output.print_lines([line])
    return _end(lines, form)


def print_lines(lines: list[DiagnosticLine], form: OutputFormat) -> int:
    """Print all lines at once; returns the exit code."""
    if form is OutputFormat.TABLE:
        for line in lines:
            output.print_hanging(drawn(line))
    elif form is OutputFormat.JSONL:
        output.print_lines(lines)
    return _end(lines, form)


def _end(lines: list[DiagnosticLine], form: OutputFormat) -> int:
    if form is OutputFormat.JSON:
        output.print_message(lines, form)
    output.note(amounts(lines))
    code, why = verdict(lines)
    if code:
        output.print_exit(code, why)
    return code


def drawn(line: DiagnosticLine) -> list[Text]:
    """A line for people: its level, its subject, what was seen; below it what to do."""
    first = Text().append(f"{line.level:<{LEVEL_WIDTH}}", str(line.level))
    first.append(f"{line.what:<{LABEL_WIDTH}} ").append(clean(line.seen))
    todo = Text(" " * LEVEL_WIDTH).append(clean(f"to do: {line.todo}"), "hint")
    return [first, todo] if line.todo else [first]
