"""`stt findings diff` and `stt findings trend`: compares times or runs, lists days."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from stt_cli.commands.findings.filters import Filters, check_names, matches
from stt_cli.commands.since import parse_since
from stt_shared import clock
from stt_shared.command import client, output
from stt_shared.command.adding import add_command
from stt_shared.command.control import Control
from stt_shared.command.options import Connection, Output
from stt_shared.command.output import OutputFormat
from stt_shared.errors import UsageError
from stt_shared.protocol.control import UncheckedTarget, Verb
from stt_shared.protocol.findings import ChangesReply, ChangesRequest, FindingsRequest
from stt_shared.protocol.queries.history import (
    Difference,
    DiffReply,
    DiffRequest,
    TrendsReply,
    TrendsRequest,
)
from stt_shared.protocol.records import FindingEvent
from stt_shared.report import readable
from stt_shared.report.views.changes import changes_grid, changes_total, unchecked_lines
from stt_shared.report.views.diff import (
    differences_grid,
    differences_total,
    runs_sentence,
    worst_first,
)
from stt_shared.report.views.trends import fix_lines, trend_grid

MAX_RUNS = 2
DEFAULT_SINCE = "24h"
HINT = "examples: --since yesterday, --run ID (with the run before it), --run ID --run ID"


def add(findings: App) -> None:
    """Add `diff` and `trend` to the commands of `findings`."""
    add_command(
        findings,
        diff,
        name="diff",
        access="ro",
        summary="Show what is new, fixed, changed and accepted since a time or between two runs",
        examples=(
            "stt findings diff --since yesterday",
            "stt findings diff --since 7d --severity critical --target orders-1",
            "stt findings diff --since 7d -o json",
            "stt findings diff --run standard-20261123t160000z",
            "stt findings diff --run standard-20261101t160000z --run standard-20261123t160000z",
        ),
    )
    add_command(
        findings,
        trend,
        name="trend",
        access="ro",
        summary="Show open, opened and fixed findings per day, and the time to fix",
        examples=("stt findings trend", "stt findings trend --days 90 -o json"),
    )


async def diff(
    *,
    since: Annotated[
        str | None,
        Parameter(help="yesterday, today, 24h, 7d, 2026-11-02 ...; default: 24h."),
    ] = None,
    run: Annotated[
        tuple[str, ...],
        Parameter(
            help="Two runs, or one to compare with the run before it; see stt runs list.",
            negative=(),
            show_default=False,
        ),
    ] = (),
    only: Filters | None = None,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Compare with an earlier time or run; raises UsageError for options that contradict."""
    if since is not None and run:
        raise UsageError("--since and --run exclude each other", hint=HINT)
    if len(run) > MAX_RUNS:
        raise UsageError(f"{len(run)} runs are given, the limit is {MAX_RUNS}", hint=HINT)
    wanted = (only or Filters()).wanted
    if run:
        await _diff_of_runs(run, wanted, form, connection)
    else:
        await _diff_since(since or DEFAULT_SINCE, wanted, form, connection)


async def _diff_since(
    since: str, wanted: FindingsRequest, form: OutputFormat, connection: Connection | None
) -> None:
    start = parse_since(since, clock.now())
    async with client.coordinator(connection) as control:
        await check_names(control, wanted)
        reply = await _changes(control, ChangesRequest(since=start), wanted)
    if reply.kept_since is not None:
        kept = readable.moment(reply.kept_since, clock.now())
        output.note(f"warning: changes before {kept} were deleted (retention)", "warn")
    if form is OutputFormat.JSON:
        output.print_message(reply, form)
        return
    if form is OutputFormat.JSONL:
        output.print_lines(reply.changes)
    elif reply.changes or not output.on_terminal():
        output.print_grid(changes_grid(reply.changes, clock.now()))
    total = max(reply.unchecked_total, len(reply.unchecked))
    _note_unchecked(reply.unchecked, total)
    if form is OutputFormat.TABLE:
        output.note(changes_total(reply.changes, total))


async def _changes(
    control: Control, request: ChangesRequest, wanted: FindingsRequest
) -> ChangesReply:
    """The changes of all pages that match `wanted`, as one reply.

    Unchecked targets that are not listed stay counted.
    """
    changes: list[FindingEvent] = []
    while True:
        page = msgspec.structs.replace(request, offset=len(changes))
        reply = await control.ask(Verb.CHANGES, page, ChangesReply)
        changes.extend(reply.changes)
        # An empty page ends the loop too: retention may delete changes between two pages.
        if not reply.changes or len(changes) >= reply.total:
            break
    # After the last page: the number of changes before it is the offset of the next one.
    kept = tuple(
        event
        for event in changes
        if matches(
            wanted,
            severity=event.after.severity,
            family=event.after.family,
            site=event.after.site,
            target=event.after.target,
            check=event.after.check,
        )
    )
    unchecked = _of_targets(reply.unchecked, wanted)
    left_out = len(reply.unchecked) - len(unchecked)
    return msgspec.structs.replace(
        reply,
        changes=kept,
        total=len(kept),
        unchecked=unchecked,
        unchecked_total=max(0, reply.unchecked_total - left_out),
    )


def _of_targets(
    unchecked: tuple[UncheckedTarget, ...], wanted: FindingsRequest
) -> tuple[UncheckedTarget, ...]:
    """Those of the wanted targets; the other filters do not apply to an unchecked target."""
    return tuple(one for one in unchecked if not wanted.targets or one.target in wanted.targets)


def _note_unchecked(unchecked: tuple[UncheckedTarget, ...], total: int) -> None:
    for line in unchecked_lines(unchecked, clock.now()):
        output.note(line, "warn")
    if rest := readable.more(total - len(unchecked)):
        output.note(f"? {rest}: stt targets list", "warn")


async def _diff_of_runs(
    run: tuple[str, ...],
    wanted: FindingsRequest,
    form: OutputFormat,
    connection: Connection | None,
) -> None:
    request = DiffRequest(run_a=run[0] if len(run) == MAX_RUNS else "", run_b=run[-1])
    async with client.coordinator(connection) as control:
        await check_names(control, wanted)
        reply = await _differences(control, request, wanted)
    if form is OutputFormat.JSON:
        output.print_message(reply, form)
        return
    if form is OutputFormat.JSONL:
        output.print_lines(reply.differences)
        _note_unchecked(reply.unchecked, len(reply.unchecked))
        return
    now = clock.now()
    if reply.before is not None and reply.later is not None:
        output.note(runs_sentence(reply.before, reply.later, now), "head")
    if reply.differences or not output.on_terminal():
        output.print_grid(differences_grid(reply.differences, now))
    _note_unchecked(reply.unchecked, len(reply.unchecked))
    output.note(differences_total(reply))


async def _differences(
    control: Control, request: DiffRequest, wanted: FindingsRequest
) -> DiffReply:
    """The differences of all pages that match `wanted`, as one reply, most severe first."""
    differences: list[Difference] = []
    unchecked: list[UncheckedTarget] = []
    not_compared = 0
    while True:
        reply = await control.ask(Verb.DIFF, request, DiffReply)
        differences += (
            one
            for one in reply.differences
            if matches(
                wanted,
                severity=one.finding.severity,
                family=one.family,
                site=one.site,
                target=one.target,
                check=one.check,
            )
        )
        unchecked += _of_targets(reply.unchecked, wanted)
        not_compared += reply.not_compared
        # A cursor that does not advance ends the loop; otherwise the same page repeats.
        if reply.next in ("", request.after):
            return msgspec.structs.replace(
                reply,
                differences=tuple(worst_first(differences)),
                unchecked=tuple(unchecked),
                not_compared=not_compared,
            )
        request = msgspec.structs.replace(request, after=reply.next)


async def trend(
    *,
    days: Annotated[int, Parameter(help="Number of days, including today.")] = 30,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Show the last days; raises UsageError for `days` below 1."""
    if days < 1:
        raise UsageError(f"--days is {days}, expected 1 or more")
    async with client.coordinator(connection) as control:
        reply = await control.ask(Verb.TRENDS, TrendsRequest(days=days), TrendsReply)
    if form is OutputFormat.JSON:
        output.print_message(reply, form)
    elif form is OutputFormat.JSONL:
        output.print_lines(reply.days)
    else:
        output.print_grid(trend_grid(reply.days))
        for line in fix_lines(reply):
            output.note(line)
