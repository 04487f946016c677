"""`stt version`: which version this is, and of what it is made."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from cyclopts import App

from stt_shared.cli import output
from stt_shared.cli.commands import TOOL, add_command
from stt_shared.cli.options import Output

PARTS = ("nats-py", "cyclopts", "msgspec", "rich")
DISTRIBUTION = "security-threat-tool"


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


def of(distribution: str) -> str:
    """The installed version of a distribution, or `unknown`."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"


def show(*, form: Output = output.OutputFormat.TABLE) -> None:
    """Print the version; as JSON also the libraries'."""
    everything = {
        "version": of(DISTRIBUTION),
        "python": platform.python_version(),
        "libraries": {name: of(name) for name in PARTS},
    }
    if form is output.OutputFormat.TABLE:
        output.print_text(f"stt {everything['version']}, Python {everything['python']}")
    else:
        output.print_message(everything, form)
