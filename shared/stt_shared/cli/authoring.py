"""`stt checks new` and `stt checks lint`: the beginning and the end of writing a check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from stt_shared.cli import output
from stt_shared.cli.commands import add_command
from stt_shared.errors import ConfigError
from stt_shared.protocol.words import Family

Pack = Annotated[Path, Parameter(name="--pack", help="Folder that the check belongs to.")]


def add(app: App) -> None:
    """Add both commands below `checks`."""
    checks = app["checks"]
    add_command(
        checks,
        new,
        name="new",
        access="rw",
        summary="Make the folder of a new check, with samples of which one fails",
        examples=("stt checks new app_no_tls --family mysql --pack my-checks",),
    )
    add_command(
        checks,
        lint,
        name="lint",
        access="ro",
        summary="Tell every fault of a folder of checks, with file and line",
        examples=("stt checks lint my-checks", "stt checks lint"),
    )


def new(
    name: Annotated[str, Parameter(help="Letters, digits and underscores.")],
    /,
    *,
    family: Annotated[Family, Parameter(help="What kind of database it looks at.")],
    pack: Pack = Path(),
) -> None:
    """Write check.yaml and samples.yaml."""
    from stt_shared.authoring import scaffold  # noqa: PLC0415  # only where checks are written

    for file in scaffold.write(name, family, pack):
        output.print_text(str(file))
    output.note(f"one sample fails until the script is right:  stt checks test --pack {pack}")


def lint(
    pack: Annotated[Path | None, Parameter(help="Folder of checks; the built-in ones.")] = None,
    /,
) -> None:
    """Load the folder strictly and hold every check to the policies of the library."""
    from stt_shared.authoring import linting  # noqa: PLC0415  # only where checks are written
    from stt_shared.checkfile.catalogue import builtin_folder  # noqa: PLC0415  # as above

    folder = pack or builtin_folder()
    found = linting.lint(folder)
    if found.faults:
        hint = "the fields and rules: docs/writing-checks.md"
        number = len(found.faults)
        raise ConfigError(f"{number} faults in {folder}", faults=found.faults, hint=hint)
    output.print_text(f"ok: {found.checks} checks, {found.samples} samples")
