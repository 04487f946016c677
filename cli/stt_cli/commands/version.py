"""`stt version`: prints the versions of STT, Python and libraries."""

from __future__ import annotations

import platform

from cyclopts import App

from stt_shared.command import output
from stt_shared.command.adding import TOOL, add_command
from stt_shared.command.options import Output
from stt_shared.distribution import installed_version, version_line

LIBRARIES = ("nats-py", "cyclopts", "msgspec", "rich")


def add(app: App) -> None:
    """Add `version` to `app`."""
    add_command(
        app,
        show,
        name="version",
        access="ro",
        summary="Show the version of stt",
        examples=("stt version", "stt version -o json"),
        group=TOOL,
    )


def show(*, form: Output = output.OutputFormat.TABLE) -> None:
    """Print the version; as JSON also the libraries'."""
    if form is output.OutputFormat.TABLE:
        output.print_text(version_line())
        return
    everything = {
        "version": installed_version(),
        "python": platform.python_version(),
        "libraries": {name: installed_version(name) for name in LIBRARIES},
    }
    output.print_message(everything, form)
