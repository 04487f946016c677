"""`stt exceptions`: lists, exports and imports what is accepted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from stt_shared import clock
from stt_shared.command import client, output
from stt_shared.command.adding import READ, add_command, add_noun
from stt_shared.command.control import Control
from stt_shared.command.options import By, Connection, Output, user_name
from stt_shared.command.output import OutputFormat
from stt_shared.protocol.control import Verb
from stt_shared.protocol.suppressions import (
    ImportedSuppression,
    ImportReply,
    ImportRequest,
    SuppressionInfo,
    SuppressionsReply,
    SuppressionsRequest,
)
from stt_shared.report.grid import Cell, Column, Grid
from stt_shared.report.views.suppressions import suppressions_grid
from stt_shared.suppression import file as suppressions_file

PAGE = 500  # exceptions asked for at once
PART = 100  # of a file sent at once: each part is one transaction of the coordinator
State = Literal["live", "ended", "revoked", "all"]
IMPORTED = (Column("ID"), Column("WHAT"))
DryRun = Annotated[bool, Parameter(negative=(), help="Show what would change, change nothing.")]


def add(app: App) -> None:
    """Add `exceptions` and its commands to `app`."""
    noun = add_noun(app, "exceptions", "Accepted findings: by whom, why and until when", READ)
    add_command(
        noun,
        list_suppressions,
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
        summary="Print the exceptions in force as YAML, to keep in git",
        examples=("stt exceptions export > exceptions.yaml",),
    )
    add_command(
        noun,
        import_file,
        name="import",
        access="rw",
        summary="Import the exceptions of a YAML file: all, or none if one is invalid",
        examples=(
            "stt exceptions import exceptions.yaml --dry-run",
            "stt exceptions import exceptions.yaml",
        ),
    )


async def list_suppressions(
    *,
    state: Annotated[State, Parameter(help="Only exceptions in this state.")] = "live",
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """List exceptions."""
    async with client.coordinator(connection) as control:
        found = await _all(control, state)
    if form is OutputFormat.JSON:
        output.print_message(SuppressionsReply(exceptions=found, total=len(found)), form)
    elif form is OutputFormat.JSONL:
        output.print_lines(found)
    else:
        output.print_grid(suppressions_grid(found, clock.now()))
        if not found:
            output.note("No exceptions." if state == "all" else f"No {state} exceptions.")


async def _all(control: Control, state: State) -> tuple[SuppressionInfo, ...]:
    """All pages of exceptions; one that moved between two pages is listed once."""
    found: dict[str, SuppressionInfo] = {}
    offset = 0
    while True:
        request = SuppressionsRequest(state=state, offset=offset, limit=PAGE)
        reply = await control.ask(Verb.EXCEPTIONS, request, SuppressionsReply)
        found.update((info.exception.id, info) for info in reply.exceptions)
        offset += len(reply.exceptions)
        if not reply.exceptions or offset >= reply.total:
            return tuple(found.values())


async def export(*, connection: Connection | None = None) -> None:
    """Print the exceptions in force as YAML."""
    async with client.coordinator(connection) as control:
        found = await _all(control, "live")
    output.print_text(suppressions_file.written(info.exception for info in found))


async def import_file(
    file: Annotated[Path, Parameter(help="A file as stt exceptions export prints it.")],
    /,
    *,
    by: By = "",
    dry_run: DryRun = False,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Import the exceptions of a file; one that ended or was revoked stays so."""
    whole = ImportRequest(exceptions=suppressions_file.read(file), by=by or user_name())
    async with client.coordinator(connection) as control:
        # Without this trial a fault in a later part would leave the earlier parts imported.
        found = await _import(control, msgspec.structs.replace(whole, dry_run=True))
        if not dry_run:
            found = await _import(control, whole)
    if form is OutputFormat.TABLE:
        cells = ((Cell(one.id, "name"), Cell(one.what)) for one in found)
        output.print_grid(Grid(IMPORTED, tuple(cells)))
        amounts = Counter(one.what for one in found)
        totals = ", ".join(f"{number} {what}" for what, number in amounts.items())
        dry = " (nothing was changed: --dry-run)" if dry_run else ""
        output.note(f"{totals or 'no exceptions'}{dry}")
    elif form is OutputFormat.JSONL:
        output.print_lines(found)
    else:
        output.print_message(ImportReply(exceptions=found), form)


async def _import(control: Control, whole: ImportRequest) -> tuple[ImportedSuppression, ...]:
    found: list[ImportedSuppression] = []
    for first in range(0, len(whole.exceptions), PART):
        part = msgspec.structs.replace(whole, exceptions=whole.exceptions[first : first + PART])
        reply = await control.ask(Verb.EXCEPTIONS_IMPORT, part, ImportReply)
        found.extend(reply.exceptions)
    return tuple(found)
