"""`stt events replay`: have the coordinator publish events again that the brokers lost."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from stt_cli.commands.since import parse_since
from stt_shared import clock
from stt_shared.command import client, output
from stt_shared.command.adding import CHANGE, add_command, add_noun
from stt_shared.command.options import By, Connection, Reason, user_name
from stt_shared.protocol.control import Verb
from stt_shared.protocol.queries.history import EventsReplayReply, EventsReplayRequest


def add(app: App) -> None:
    """Add `events` to `app`."""
    events = add_noun(app, "events", "Events: replay", CHANGE)
    add_command(
        events,
        replay,
        name="replay",
        access="rw",
        summary="Publish events again from the store, after the brokers lost their disks",
        examples=(
            "stt events replay --since 24h",
            'stt events replay --since 2026-11-02 --reason "nats-2 lost its disk"',
        ),
    )


async def replay(
    *,
    since: Annotated[str, Parameter(help="From when on: yesterday, 24h, 7d, or a date.")],
    reason: Reason = "",
    by: By = "",
    connection: Connection | None = None,
) -> None:
    """Publish events of findings and runs again; raises UsageError for a wrong `since`."""
    at = parse_since(since, clock.now())
    request = EventsReplayRequest(since=at, by=by or user_name(), reason=reason)
    async with client.coordinator(connection) as control:
        reply = await control.ask(Verb.EVENTS_REPLAY, request, EventsReplayReply)
    output.print_text(
        f"Publishing again: {reply.findings} events of findings, at most 256 a second,"
        f" and {reply.runs} of runs. Each keeps its message id."
    )
