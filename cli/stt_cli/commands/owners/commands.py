"""`stt targets move`, `stt targets forget` and `stt workers`: whom databases belong to."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from stt_cli.commands.owners import forgetting
from stt_shared import clock
from stt_shared.command import client, output
from stt_shared.command.adding import READ, add_command, add_noun
from stt_shared.command.options import By, Connection, Output, Reason, user_name
from stt_shared.command.output import OutputFormat
from stt_shared.protocol.control import (
    Empty,
    StatusReply,
    Verb,
    WorkerInfo,
)
from stt_shared.protocol.messages import Value
from stt_shared.protocol.queries.fleet import (
    FleetReply,
    TargetMoveRequest,
)
from stt_shared.report import readable
from stt_shared.report.grid import Cell, Column, Grid
from stt_shared.report.objects import json_text

WORKERS = (
    Column("WORKER", shorten=True),
    Column("SITE"),
    Column("STATE"),
    Column("LAST HEARD"),
    Column("DATABASES"),
    Column("RESULTS WAIT"),
    Column("VERSION"),
    Column("NOTE", whole=True),
)
Names = Annotated[tuple[str, ...], Parameter(help="Names of databases, see stt targets list.")]


def add(app: App, targets: App) -> None:
    """Add `move` and `forget` to the noun `targets`, and `workers` to `app`."""
    add_command(
        targets,
        move,
        name="move",
        access="rw",
        summary="Give databases to another site whose workers announce them",
        examples=('stt targets move orders-1 --to eu-west --reason "CHG-4500"',),
    )
    add_command(
        targets,
        forgetting.forget_targets,
        name="forget",
        access="rw",
        summary="Forget databases that no worker announces: their findings are resolved",
        examples=(
            'stt targets forget orders-1 orders-2 --reason "switched off, CHG-4501"',
            "stt targets forget --gone --site eu-west --dry-run",
        ),
    )
    workers = add_noun(app, "workers", "Workers: list, forget", READ)
    add_command(
        workers,
        list_workers,
        name="list",
        access="ro",
        summary="List workers, when each was last heard, and whether results wait",
        examples=("stt workers list", "stt workers list -o json"),
    )
    add_command(
        workers,
        forgetting.forget_workers,
        name="forget",
        access="rw",
        summary="Forget workers that are down; databases that only they announced are gone then",
        examples=(
            'stt workers forget eu-west-3 eu-west-4 --reason "hosts were switched off"',
            "stt workers forget --never-answered --dry-run",
        ),
    )


async def move(
    names: Names,
    /,
    *,
    to: Annotated[str, Parameter(help="Site that the databases belong to from now on.")],
    reason: Reason = "",
    by: By = "",
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Move databases to another site."""
    request = TargetMoveRequest(targets=names, site=to, by=by or user_name(), reason=reason)
    await _change(Verb.TARGET_MOVE, request, f"Moved to {to}", form, connection)


async def _change(
    verb: Verb, request: Value, done: str, form: OutputFormat, connection: Connection | None
) -> None:
    async with client.coordinator(connection) as control:
        reply = await control.ask(verb, request, FleetReply)
    if form is OutputFormat.TABLE:
        named = readable.first_names(reply.targets) or "no database"
        output.print_text(f"{done}: {named}" if reply.changed else "Nothing changed.")
    else:
        output.print_message(reply, form)


async def list_workers(
    *, form: Output = OutputFormat.TABLE, connection: Connection | None = None
) -> None:
    """List workers."""
    async with client.coordinator(connection) as control:
        reply = await control.ask(Verb.STATUS, Empty(), StatusReply)
    if form is OutputFormat.TABLE:
        output.print_grid(Grid(WORKERS, tuple(map(_worker, reply.workers))))
    elif form is OutputFormat.JSON:
        output.print_text(json_text(reply.workers))
    else:
        output.print_lines(reply.workers)


def _worker(one: WorkerInfo) -> tuple[Cell, ...]:
    return (
        Cell(one.worker, "name"),
        Cell(one.site),
        Cell(one.state, "ok" if one.state == "up" else "fail"),
        Cell(readable.moment(one.last_heard, clock.now()), piped=readable.rfc3339(one.last_heard)),
        Cell(str(one.targets)),
        Cell(str(one.outbox), "warn" if one.outbox else ""),
        Cell(one.version),
        Cell(_note(one), "warn"),
    )


def _note(one: WorkerInfo) -> str:
    """That a worker that is up has the name of another one, or is of an older release."""
    if one.state != "up":
        return ""
    double = f"second worker of the name {one.double_of}" if one.double_of else ""
    older = "" if one.sends_nonce else "older release: sends no nonce"
    return ", ".join(filter(None, (double, older)))
