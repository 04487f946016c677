"""`stt store backup` and `stt store restore`: copy the coordinator's store and put a copy back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from stt_coordinator.store.sqlite.file import backup as copies
from stt_shared import clock
from stt_shared.command import output
from stt_shared.command.adding import TOOL, add_command, add_noun
from stt_shared.command.options import Connection, load_settings
from stt_shared.settings import state_dir

StateDir = Annotated[
    str | None,
    Parameter(name="--state-dir", help="Folder of the store (STT_COORDINATOR_STATE_DIR)."),
]


def add(app: App) -> None:
    """Add the commands to `app`."""
    noun = add_noun(app, "store", "Store of the coordinator: backup and restore", TOOL)
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


def _folder(state: str | None) -> Path:
    settings = load_settings(Connection(), coordinator__state_dir=state)
    return state_dir(settings.coordinator.state_dir, "coordinator", os.environ)


def _holds(one: copies.Copy) -> str:
    return (
        f"{one.runs} runs, {one.findings} open findings, {one.size} bytes,"
        f" schema version {one.version}, integrity check passed"
    )
