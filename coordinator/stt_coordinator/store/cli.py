"""`stt store`: back the coordinator's store up, restore it, copy it to another database."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from stt_coordinator.store.sqlite.file import backup as copies
from stt_shared import clock
from stt_shared.command import output, progress
from stt_shared.command.adding import TOOL, add_command, add_noun
from stt_shared.command.options import Connection, Output, load_settings
from stt_shared.command.output import OutputFormat
from stt_shared.errors import ConfigError
from stt_shared.report.grid import Cell, Column, Grid
from stt_shared.settings import state_dir

if TYPE_CHECKING:
    from stt_coordinator.store.copying.report import TableReport

PLACES = "state folder, file that ends with .db, or postgresql://..."
SEEN = (
    "other users of this machine can see a password on the command line; "
    "use coordinator.store_password, or a password file (PGPASSFILE)"
)
COLUMNS = (
    Column("TABLE"),
    Column("ROWS", right=True),
    Column("COPIED", right=True),
    Column("DIGEST"),
)
StateDir = Annotated[
    str | None,
    Parameter(name="--state-dir", help="Folder of the store (STT_COORDINATOR_STATE_DIR)."),
]


def add(app: App) -> None:
    """Add the commands to `app`."""
    noun = add_noun(app, "store", "Store of the coordinator: backup, restore, copy", TOOL)
    add_command(
        noun,
        backup,
        name="backup",
        access="ro",
        summary="Copy the store to a file; the coordinator may be running",
        examples=("stt store backup /backup/stt-monday.db",),
    )
    add_command(
        noun,
        restore,
        name="restore",
        access="rw",
        summary="Replace the store with a backup; the previous store is kept",
        examples=("stt store restore /backup/stt-monday.db",),
    )
    add_command(
        noun,
        copy,
        name="copy",
        access="rw",
        summary="Copy the store of a stopped coordinator between SQLite and PostgreSQL",
        examples=(
            "stt store copy /var/lib/stt/coordinator postgresql://stt@db.example.com/stt",
            "stt store copy postgresql://stt@db.example.com/stt /var/lib/stt/coordinator",
        ),
    )


def backup(
    file: Annotated[Path, Parameter(help="File to write; it must not exist.")],
    /,
    *,
    state: StateDir = None,
) -> None:
    """Copy the store as of one moment, and verify the copy."""
    made = copies.backup(_folder(state), file.expanduser().absolute())
    output.note(f"{made.path}: {_holds(made)}")


def restore(
    file: Annotated[Path, Parameter(help="A file that stt store backup wrote.")],
    /,
    *,
    state: StateDir = None,
) -> None:
    """Replace the store with a backup; the coordinator must be stopped."""
    folder = _folder(state)
    found, kept = copies.restore(file.expanduser().absolute(), folder, clock.now())
    output.note(f"{folder}: {_holds(found)}")
    if kept is not None:
        output.note(f"The previous store: {kept}", "hint")


def copy(
    source: Annotated[str, Parameter(name="FROM", help=f"Store to read: {PLACES}.")],
    target: Annotated[str, Parameter(name="TO", help=f"Where the copy is made: {PLACES}.")],
    /,
    *,
    form: Output = OutputFormat.TABLE,
) -> None:
    """Copy a whole store and verify the copy; continues what an earlier command began."""
    # Here: it loads psycopg, which no other command needs.
    from stt_coordinator.store.copying import places  # noqa: PLC0415
    from stt_coordinator.store.place import password_of  # noqa: PLC0415

    if places.has_password(source, target):
        output.note(f"warning: {SEEN}", "warn")
    password = password_of(load_settings(Connection()).coordinator, (source, target))
    with progress.of_many("copy", "rows") as show:
        made = places.copied(source, target, show, password)
    for table in made.tables:
        for column, number in table.replaced.items():
            output.note(
                f"NUL characters of {number} values in {table.table}.{column} became U+FFFD: "
                "PostgreSQL stores none",
                "warn",
            )
    if form is not OutputFormat.TABLE:
        output.print_message(made, form)
        return
    output.print_grid(Grid(COLUMNS, tuple(map(_row, made.tables))))
    output.note(
        f"{made.target}: {made.rows} rows, {made.copied} of them copied now, all verified; "
        f"schema version {made.version}, store {made.store}"
    )


def _row(one: TableReport) -> tuple[Cell, ...]:
    shown = (one.table, str(one.rows), str(one.copied))
    return (*map(Cell, shown), Cell(one.digest[:16], piped=one.digest))


def _folder(state: str | None) -> Path:
    settings = load_settings(Connection(), coordinator__state_dir=state)
    if settings.coordinator.store:
        # Before the folder is looked at: a file left there is not the store of this installation.
        raise ConfigError(
            "the store is in PostgreSQL (coordinator.store): there is no file to copy or replace",
            hint="use pg_dump --schema=stt and pg_restore, or the backups of the database server",
        )
    return state_dir(settings.coordinator.state_dir, "coordinator", os.environ)


def _holds(one: copies.Copy) -> str:
    return (
        f"{one.runs} runs, {one.findings} open findings, {one.size} bytes,"
        f" schema version {one.version}, integrity check passed"
    )
