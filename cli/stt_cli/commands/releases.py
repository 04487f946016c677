"""`stt releases`: checks and updates the release data of a pack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from stt_shared.command import output
from stt_shared.command.adding import TOOL, add_command, add_noun
from stt_shared.errors import EXIT_FINDINGS, ConfigError, UsageError

File = Annotated[Path | None, Parameter(help="File of release data; default: the built-in one.")]
Files = Annotated[tuple[Path, ...], Parameter(negative=(), consume_multiple=True)]


def add(app: App) -> None:
    """Add `releases` and its commands to `app`."""
    noun = add_noun(app, "releases", "Release data of the version checks", TOOL)
    add_command(
        noun,
        check,
        name="check",
        access="ro",
        summary="Report every fault of the release data, and their date",
        examples=("stt releases check", "stt releases check my-checks/releases.yaml"),
    )
    add_command(
        noun,
        refresh,
        name="refresh",
        access="rw",
        summary="Update the release data from files of endoflife.date and CVE records",
        examples=(
            "stt releases refresh releases.yaml --endoflife mysql.json --as-of 2026-12-01",
            "stt releases refresh releases.yaml --cve CVE-2026-2005.json --dry-run",
        ),
    )


def check(file: File = None, /) -> int:
    """Check the release data; the exit code is 1 if they have a fault."""
    from stt_cli.releases import file as release_file  # noqa: PLC0415  # only where maintained
    from stt_cli.releases import rules  # noqa: PLC0415  # as above
    from stt_shared.checkfile.catalogue import RELEASES_FILE, builtin_folder  # noqa: PLC0415  # as above

    path = file or builtin_folder() / RELEASES_FILE
    data = release_file.read(path).data
    found = [*rules.faults(data)]
    for fault in found:
        output.print_text(fault)
    if found:
        output.print_exit(EXIT_FINDINGS, f"{len(found)} faults in {path}")
        return EXIT_FINDINGS
    series = sum(len(product["series"]) for product in data["products"].values())
    vulnerabilities = len(data.get("vulnerabilities", []))
    output.print_text(
        f"ok: {series} series of {len(data['products'])} products,"
        f" {vulnerabilities} vulnerabilities, as of {data['as_of']}"
    )
    return 0


def refresh(
    file: Annotated[Path, Parameter(help="File of release data.")],
    /,
    *,
    endoflife: Annotated[Files, Parameter(help="Products of endoflife.date, API v1, JSON.")] = (),
    cve: Annotated[Files, Parameter(help="CVE records, version 5, JSON.")] = (),
    as_of: Annotated[str, Parameter(help="Date of the files, e.g. 2026-12-01.")] = "",
    dry_run: Annotated[
        bool, Parameter(negative=(), help="Print the changes, write nothing.")
    ] = False,
) -> int:
    """Print each change and write the file; nothing is fetched.

    Raises ConfigError, and writes nothing, if the result would have a fault.
    """
    from stt_cli.releases import file as release_file  # noqa: PLC0415  # only where maintained
    from stt_cli.releases import rules, update  # noqa: PLC0415  # as above

    found = release_file.read(file)
    changes = [
        *_applied(endoflife, found.data, update.from_endoflife),
        *_applied(cve, found.data, update.from_cve),
    ]
    if as_of:
        try:
            found.data["as_of"] = date.fromisoformat(as_of).isoformat()
        except ValueError:
            sentence = f"--as-of is {as_of!r}, expected a date"
            raise UsageError(sentence, hint="for example 2026-12-01") from None
    # Of the result, before it is written: the file that is there stays valid.
    faults = tuple(rules.faults(found.data))
    for change in changes:
        output.print_text(change)
    if faults:
        raise ConfigError(
            f"{file} was not changed: the result would be invalid",
            faults=faults,
            hint="set the date of the data if another date is later: --as-of 2026-12-01",
        )
    if not dry_run:
        file.write_text(release_file.render(found), encoding="utf-8")
    output.note(f"{len(changes)} changes{', nothing written' if dry_run else ''}")
    return 0


def _applied(
    files: Iterable[Path],
    data: dict[str, Any],
    apply: Callable[[dict[str, Any], Any], Iterable[str]],
) -> list[str]:
    """The changes of all files; raises ConfigError that names an unusable file."""
    changes: list[str] = []
    for file in files:
        try:
            changes += apply(data, json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"cannot use {file}: {error}") from error
    return changes
