"""`stt checks new`: creates a check from a template."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from stt_shared.command import output
from stt_shared.command.adding import add_command
from stt_shared.protocol.enums import Family

Pack = Annotated[Path, Parameter(name="--pack", help="Folder of the pack to add the check to.")]


def add(app: App) -> None:
    """Add the command below `checks`."""
    checks = app["checks"]
    add_command(
        checks,
        new,
        name="new",
        access="rw",
        summary="Create a check from a template, with samples of which one fails",
        examples=("stt checks new app_no_tls --family mysql --pack my-checks",),
    )


def new(
    name: Annotated[str, Parameter(help="Letters, digits and underscores.")],
    /,
    *,
    family: Annotated[Family, Parameter(help="Type of database that it checks.")],
    pack: Pack = Path(),
) -> None:
    """Write check.yaml and samples.yaml."""
    from stt_cli.authoring import scaffold  # noqa: PLC0415  # only where checks are written

    for file in scaffold.write(name, family, pack):
        output.print_text(str(file))
    output.note(f"One sample fails until the script is correct: stt checks test --pack {pack}")
