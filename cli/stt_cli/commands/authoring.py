"""`stt checks new`: the beginning of writing a check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from stt_shared.command import output
from stt_shared.command.adding import add_command
from stt_shared.protocol.enums import Family

Pack = Annotated[Path, Parameter(name="--pack", help="Folder that the check belongs to.")]


def add(app: App) -> None:
    """Add the command below `checks`."""
    checks = app["checks"]
    add_command(
        checks,
        new,
        name="new",
        access="rw",
        summary="Make the folder of a new check, with samples of which one fails",
        examples=("stt checks new app_no_tls --family mysql --pack my-checks",),
    )


def new(
    name: Annotated[str, Parameter(help="Letters, digits and underscores.")],
    /,
    *,
    family: Annotated[Family, Parameter(help="What kind of database it looks at.")],
    pack: Pack = Path(),
) -> None:
    """Write check.yaml and samples.yaml."""
    from stt_cli.authoring import scaffold  # noqa: PLC0415  # only where checks are written

    for file in scaffold.write(name, family, pack):
        output.print_text(str(file))
    output.note(f"one sample fails until the script is right:  stt checks test --pack {pack}")
