"""The commands that need neither half: everything that only talks, reads or explains."""

from __future__ import annotations

from cyclopts import App

from stt_shared.cli import version
from stt_shared.cli.commands import TOOL, add_command


def add_builtin(app: App) -> None:
    """Add every command of shared to `app`."""
    add_command(
        app,
        version.show,
        name="version",
        access="ro",
        summary="Show the version of stt",
        examples=("stt version", "stt version -o json"),
        group=TOOL,
    )
