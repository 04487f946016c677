"""`stt status`, `stt enable`, `stt disable`: whether checks run, and the switch."""

from __future__ import annotations

from cyclopts import App

from stt_shared import clock
from stt_shared.cli import client, output
from stt_shared.cli.commands import CHANGE, READ, add_command
from stt_shared.cli.options import By, Connection, Output, Reason, user_name
from stt_shared.cli.output import OutputFormat
from stt_shared.protocol.control import Empty, StatusReply, SwitchReply, SwitchRequest, Verb
from stt_shared.report.status import status_lines, switch_sentence


def add(app: App) -> None:
    """Add the three commands to `app`."""
    add_command(
        app,
        status,
        name="status",
        access="ro",
        summary="Show whether checks run, the counts, and what is wrong",
        examples=("stt status", "stt status -o json | jq .summary.counts"),
        group=READ,
    )
    add_command(
        app,
        enable,
        name="enable",
        access="rw",
        summary="Let checks run from now on; the first run starts at once in the background",
        examples=('stt enable --reason "CHG-4411 approved"',),
        group=CHANGE,
    )
    add_command(
        app,
        disable,
        name="disable",
        access="rw",
        summary="Let no check run from now on; queued jobs end, history is kept",
        examples=('stt disable --reason "maintenance"',),
        group=CHANGE,
    )


async def status(
    *, form: Output = OutputFormat.TABLE, connection: Connection | None = None
) -> None:
    """Show the state of everything."""
    async with client.coordinator(connection) as control:
        reply = await control.ask(Verb.STATUS, Empty(), StatusReply)
    if form is not OutputFormat.TABLE:
        output.print_message(reply, form)
        return
    output.print_rich(*status_lines(reply, clock.now()))
    if reply.summary.counts.critical:
        output.note("Try: stt findings list --severity critical", "hint")
    elif not reply.state.enabled:
        output.note('Try: stt enable --reason "..."', "hint")


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
