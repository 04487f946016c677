"""`stt targets` and `stt checks`: lists databases and checks, enables and disables checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from stt_cli.commands.owners import commands as owners
from stt_shared import clock
from stt_shared.command import client, output
from stt_shared.command.adding import READ, add_command, add_noun
from stt_shared.command.options import (
    By,
    Connection,
    Families,
    Output,
    Reason,
    Sites,
    user_name,
)
from stt_shared.command.output import OutputFormat
from stt_shared.errors import UsageError
from stt_shared.protocol.control import (
    CheckInfo,
    ChecksReply,
    CheckSwitchRequest,
    Empty,
    SwitchReply,
    TargetInfo,
    TargetsReply,
    Verb,
)
from stt_shared.report import readable
from stt_shared.report.grid import Cell, Column, Grid
from stt_shared.report.views.check import PERIODS, check_block, check_object

TARGETS = (
    Column("DATABASE", shorten=True),
    Column("TYPE"),
    Column("SITE"),
    Column("STATE"),
    Column("SERVER", shorten=True),
    Column("LAST CHECKED"),
    Column("WORKERS", shorten=True),
    Column("WHY", whole=True),
)
CHECKS = (
    Column("CHECK", shorten=True),
    Column("TYPE"),
    Column("EVERY"),
    Column("STATE"),
    Column("SUMMARY", shorten=True),
)
STATES = {"checked": "ok", "unchecked": "warn", "gone": "fail", "never": "hint"}

VOUCHED = "part of the installation: no signature needed"

CheckPack = Annotated[
    Path | None,
    Parameter(
        name="--pack", help="Folder or file of checks, of STT or of PMM, instead of the built-in."
    ),
]
CheckName = Annotated[str, Parameter(help="The check's name, see stt checks list.")]


def add(app: App) -> None:
    """Add `targets` and `checks` to `app`."""
    targets = add_noun(app, "targets", "Databases that are checked", READ)
    add_command(
        targets,
        list_targets,
        name="list",
        access="ro",
        summary="List databases, when each was last checked, and why one was not",
        examples=("stt targets list", "stt targets list --family mysql -o json"),
    )
    owners.add(app, targets)
    checks = add_noun(app, "checks", "Checks: list, show, enable, disable, write", READ)
    add_command(
        checks,
        list_checks,
        name="list",
        access="ro",
        summary="List the checks of the coordinator, and which are disabled",
        examples=("stt checks list", "stt checks list --family postgresql"),
    )
    add_command(
        checks,
        show_check,
        name="show",
        access="ro",
        summary="Show a check: purpose, queries, script; works without NATS",
        examples=(
            "stt checks show mysql_version",
            "stt checks show mysql_version -o json",
            "stt checks show mysql_version --pack pmm/mysql_version.yml",
        ),
    )
    for function, name, summary in (
        (disable_check, "disable", "Disable one check on all databases"),
        (enable_check, "enable", "Enable one check again"),
    ):
        add_command(
            checks,
            function,
            name=name,
            access="rw",
            summary=summary,
            examples=(f'stt checks {name} mysql_version --reason "CHG-4412"',),
        )


async def list_targets(
    *,
    family: Families = (),
    site: Sites = (),
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """List targets."""
    async with client.coordinator(connection) as control:
        every = await control.every_target()
    wanted = tuple(
        one
        for one in every
        if (not family or one.family in family) and (not site or one.site in site)
    )
    if form is OutputFormat.JSON:
        output.print_message(TargetsReply(targets=wanted), form)
    elif form is OutputFormat.JSONL:
        output.print_lines(wanted)
    else:
        output.print_grid(Grid(TARGETS, tuple(_target(one) for one in wanted)))
        if not wanted:
            output.note("No databases. Workers announce them: stt worker --config worker.toml")


def _target(one: TargetInfo) -> tuple[Cell, ...]:
    checked = readable.moment(one.last_checked, clock.now()) if one.last_checked else ""
    # Why something of it is not checked, and who else claims it.
    missing = f"{readable.number(one.never_run, 'check')} not run yet" if one.never_run else ""
    not_checked = readable.kind(one.kind, one.reason) or readable.parts(one.parts_not_checked)
    claimed = f"claimed by {readable.claimants(one)}" if one.claims else ""
    return (
        Cell(one.target, "name"),
        Cell(str(one.family)),
        Cell(one.site),
        Cell(one.state, STATES.get(one.state, "")),
        Cell(readable.server(one.facts) if one.facts else ""),
        Cell(checked, piped=readable.rfc3339(one.last_checked)),
        Cell(", ".join(one.workers)),
        Cell("; ".join(filter(None, (not_checked, missing, claimed))), "warn"),
    )


async def list_checks(
    *,
    family: Families = (),
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """List checks."""
    async with client.coordinator(connection) as control:
        reply = await control.ask(Verb.CHECKS, Empty(), ChecksReply)
    wanted = tuple(one for one in reply.checks if not family or one.family in family)
    if form is OutputFormat.JSON:
        output.print_message(msgspec.structs.replace(reply, checks=wanted), form)
    elif form is OutputFormat.JSONL:
        output.print_lines(wanted)
    else:
        rows = (
            (
                Cell(one.check, "name"),
                Cell(str(one.family)),
                Cell(PERIODS[one.interval]),
                Cell("on" if one.enabled else "off", "ok" if one.enabled else "warn"),
                Cell(one.summary),
            )
            for one in wanted
        )
        output.print_grid(Grid(CHECKS, tuple(rows)))
        output.note(_counted(wanted))


def _counted(checks: Iterable[CheckInfo]) -> str:
    """How many checks there are, by family and by category."""
    found = [*checks]
    off = sum(not one.enabled for one in found)
    total = f"{len(found)} checks, {off} of them disabled" if off else f"{len(found)} checks"
    each = [
        ", ".join(f"{word} {number}" for word, number in sorted(Counter(words).items()) if word)
        for words in ([str(one.family) for one in found], [one.category for one in found])
    ]
    return "; ".join([total, *filter(None, each)])


def show_check(
    check: CheckName, /, *, pack: CheckPack = None, form: Output = OutputFormat.TABLE
) -> None:
    """Show one check, by its name or an alias; raises UsageError for an unknown one."""
    from stt_shared.checkfile import catalogue  # noqa: PLC0415  # YAML only where it is read
    from stt_shared.checkfile.reading import read_checks  # noqa: PLC0415  # as above
    from stt_shared.pack.folder_serial import read_serial  # noqa: PLC0415  # as above

    known = catalogue.builtin() if pack is None else read_checks(pack).catalogue
    for fault in known.faults:
        output.note(f"warning: check skipped: {fault}", "warn")
    found = known.find(check)
    if found is None:
        sentence = catalogue.unknown_names(known, [check])[0]
        raise UsageError(sentence, hint="see the names: stt checks list")
    if form is not OutputFormat.TABLE:
        output.print_message(check_object(found), form)
    elif pack is not None:
        output.print_rich(*check_block(found, f"{pack}, not signed"))
    else:
        numbered = read_serial(catalogue.builtin_folder())
        serial = f", serial {numbered.serial}" if numbered else ""
        output.print_rich(*check_block(found, f"built-in{serial}, {VOUCHED}"))


async def disable_check(
    check: CheckName,
    /,
    *,
    reason: Reason = "",
    by: By = "",
    connection: Connection | None = None,
) -> None:
    """Disable one check."""
    request = CheckSwitchRequest(check=check, by=by or user_name(), reason=reason)
    await _switch(Verb.CHECK_DISABLE, request, connection)


async def enable_check(
    check: CheckName,
    /,
    *,
    reason: Reason = "",
    by: By = "",
    connection: Connection | None = None,
) -> None:
    """Enable one check."""
    request = CheckSwitchRequest(check=check, by=by or user_name(), reason=reason)
    await _switch(Verb.CHECK_ENABLE, request, connection)


async def _switch(verb: Verb, request: CheckSwitchRequest, connection: Connection | None) -> None:
    async with client.coordinator(connection) as control:
        reply = await control.ask(verb, request, SwitchReply)
    disabled = ", ".join(reply.state.disabled_checks) or "none"
    output.print_text(
        f"{'Done' if reply.changed else 'Nothing changed'}. Disabled checks: {disabled}"
    )
