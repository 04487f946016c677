"""`stt status`, `stt enable`, `stt disable`: shows and changes whether checks run."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from cyclopts import App, Parameter

from stt_shared import clock
from stt_shared.command import client, output
from stt_shared.command.adding import CHANGE, READ, add_command
from stt_shared.command.options import By, Connection, Output, Reason, user_name
from stt_shared.command.output import OutputFormat
from stt_shared.command.reporting import NotChecked
from stt_shared.errors import SttError
from stt_shared.protocol.control import Empty, StatusReply, SwitchReply, SwitchRequest, Verb
from stt_shared.report.formats import nagios
from stt_shared.report.formats.nagios import NotCheckedAs
from stt_shared.report.views.status import status_lines, switch_sentence


def add(app: App) -> None:
    """Add the three commands to `app`."""
    add_command(
        app,
        status,
        name="status",
        access="ro",
        summary="Show whether checks are enabled, the counts, and problems",
        examples=("stt status", "stt status -o json | jq .summary.counts", "stt status -o nagios"),
        group=READ,
    )
    add_command(
        app,
        enable,
        name="enable",
        access="rw",
        summary="Enable checks; the first run starts at once in the background",
        examples=('stt enable --reason "CHG-4411 approved"',),
        group=CHANGE,
    )
    add_command(
        app,
        disable,
        name="disable",
        access="rw",
        summary="Disable all checks; queued jobs are not run, history is kept",
        examples=('stt disable --reason "maintenance"',),
        group=CHANGE,
    )


class StatusFormat(StrEnum):
    """How the state is printed on stdout."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    NAGIOS = "nagios"


StatusOutput = Annotated[
    StatusFormat,
    Parameter(name=["--output", "-o"], help="How data is printed on stdout."),
]


async def status(
    *,
    form: StatusOutput = StatusFormat.TABLE,
    not_checked_as: NotChecked = NotCheckedAs.UNKNOWN,
    connection: Connection | None = None,
) -> int:
    """Show the state of everything; -o nagios has the exit code of a plugin."""
    try:
        async with client.coordinator(connection) as control:
            reply = await control.ask(Verb.STATUS, Empty(), StatusReply)
    except SttError as error:
        if form is not StatusFormat.NAGIOS:
            raise
        output.print_text(nagios.failed(error.message))
        return nagios.State.UNKNOWN
    if form is StatusFormat.NAGIOS:
        state, text = nagios.of_status(reply, not_checked_as)
        output.print_text(text)
        return state
    if form is not StatusFormat.TABLE:
        output.print_message(reply, OutputFormat(form))
        return 0
    output.print_hanging(status_lines(reply, clock.now()))
    if reply.summary.counts.critical:
        output.note("Try: stt findings list --severity critical", "hint")
    elif not reply.state.enabled:
        output.note('Try: stt enable --reason "..."', "hint")
    return 0


async def enable(
    *,
    reason: Reason = "",
    by: By = "",
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Enable everything."""
    reply = await _switch(Verb.ENABLE, reason, by, form, connection)
    if reply.run_id:
        output.note(f"First run {reply.run_id} has started.  Follow: stt status", "hint")


async def disable(
    *,
    reason: Reason = "",
    by: By = "",
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Disable everything."""
    await _switch(Verb.DISABLE, reason, by, form, connection)


async def _switch(
    verb: Verb, reason: str, by: str, form: OutputFormat, connection: Connection | None
) -> SwitchReply:
    request = SwitchRequest(by=by or user_name(), reason=reason)
    async with client.coordinator(connection) as control:
        reply = await control.ask(verb, request, SwitchReply)
    if form is OutputFormat.TABLE:
        sentence = switch_sentence(reply.state, clock.now())
        output.print_text(sentence + ("" if reply.changed else " Nothing changed."))
    else:
        output.print_message(reply, form)
    return reply
