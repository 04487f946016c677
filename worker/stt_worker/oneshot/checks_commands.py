"""The commands `stt checks lint`, `stt checks test` and `stt checks plan`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from stt_shared import clock
from stt_shared.checkfile.catalogue import Catalogue, builtin_folder
from stt_shared.checkfile.model import Check
from stt_shared.checkfile.policies import SAMPLES_FILE
from stt_shared.checkfile.reading import read_checks
from stt_shared.checkfile.samples import parse_samples
from stt_shared.command import client, output
from stt_shared.command.adding import READ, add_command, add_noun
from stt_shared.command.options import Connection, Output, Sites, Targets
from stt_shared.command.output import OutputFormat
from stt_shared.errors import EXIT_FINDINGS, EXIT_INCOMPLETE, ConfigError, UsageError
from stt_shared.report.grid import Cell, Column, Grid
from stt_shared.report.remedy import plain
from stt_shared.telemetry import logs

if TYPE_CHECKING:
    from stt_worker.execution.runtime import CheckRuntime
    from stt_worker.oneshot.dry_run import DryRun, SampleRun

COLUMNS = (Column("CHECK"), Column("SAMPLE"), Column("OUTCOME"), Column("PROBLEMS", whole=True))
PLANNED = (
    Column("DATABASE", shorten=True),
    Column("SERVER", shorten=True),
    Column("CHECKS", right=True),
    Column("STATEMENT", whole=True),
)
Pack = Annotated[
    Path | None,
    Parameter(
        help="Folder or file of checks, of STT or of PMM, instead of the built-in ones.",
        name="--pack",
    ),
]


def register(app: App) -> None:
    """Add the commands to `checks`."""
    checks = app["checks"] if "checks" in app else add_noun(app, "checks", "Checks", READ)
    add_command(
        checks,
        lint,
        name="lint",
        access="ro",
        summary="Report every fault of a folder or file of checks, with file and line",
        examples=("stt checks lint my-checks", "stt checks lint pmm/mysql_version.yml"),
    )
    add_command(
        checks,
        try_checks,
        name="test",
        access="rw",
        summary="Run checks on their samples, or on a server to record its answers",
        examples=(
            "stt checks test --pack my-checks",
            "stt checks test --pack my-checks app_no_tls --target mysql://stt:pw@127.0.0.1/",
            "stt checks test --pack my-checks app_no_tls --target mysql://127.0.0.1/ --record",
        ),
    )
    add_command(
        checks,
        plan,
        name="plan",
        access="ro",
        summary="Show every statement that would be sent, per database: for a change ticket",
        examples=("stt checks plan", "stt checks plan --site office -o json"),
    )


async def lint(
    pack: Annotated[
        Path | None, Parameter(help="Folder or file of checks; default: the built-in ones.")
    ] = None,
    /,
) -> None:
    """Load checks of STT strictly and apply the policies; load checks of PMM as PMM does.

    Every script is defined. Raises ConfigError with every fault; what PMM would refuse in a file
    of PMM, or what is skipped here, is a warning.
    """
    from stt_shared.checkfile import linting  # noqa: PLC0415  # only where checks are written
    from stt_worker.execution import runtime  # noqa: PLC0415  # as above

    logs.configure("warning", "auto")
    place = pack or builtin_folder()
    found = linting.lint(place)
    source = found.source
    warnings = [] if source.ours else runtime.leniencies(source)
    for warning in warnings:
        output.note(f"warning: {warning}", "warn")
    faults = [*found.faults, *await runtime.faults_of_scripts(source)]
    if faults:
        hint = "the fields, the rules and the language: docs/writing-checks.md"
        raise ConfigError(f"{len(faults)} faults in {place}", faults=tuple(faults), hint=hint)
    counted = f"{len(source.catalogue.checks)} checks, {found.samples} samples"
    of_pmm = f" of PMM's format, {len(warnings)} warnings" if not source.ours else ""
    output.print_text(f"ok: {counted}{of_pmm}")


async def try_checks(
    *names: Annotated[str, Parameter(help="Only these checks.")],
    pack: Pack = None,
    target: Annotated[str | None, Parameter(help="URL of a server to run them on.")] = None,
    record: Annotated[
        bool, Parameter(negative=(), help="Add the answers of --target to the samples.")
    ] = False,
) -> int:
    """Run checks; the exit code is 1 if the outcome of a sample is not the expected one.

    Raises UsageError for `record` without `target`.
    """
    from stt_worker.execution import runtime  # noqa: PLC0415  # drivers only where they are used
    from stt_worker.oneshot import scan as scanning  # noqa: PLC0415  # as above

    logs.configure("warning", "auto")
    if record and target is None:
        raise UsageError("--record needs --target", hint="name a server: --target URL")
    known = runtime.checks_of(pack)
    folder = read_checks(pack).folder if pack else builtin_folder()
    for fault in known.faults:
        output.note(f"warning: check skipped: {fault}", "warn")
    chosen = scanning.chosen(known, names)
    async with runtime.open_runtime(known, 1) as check_runtime:
        for refused in await check_runtime.faults_of_custom_checks():
            output.note(f"warning: {refused}", "warn")
        if target is None:
            return await _on_samples(chosen, folder, known, check_runtime)
        return await _on_server(chosen, folder, target, check_runtime, record=record)


def _file(folder: Path, check: Check) -> Path:
    return folder / check.family / check.name / SAMPLES_FILE


async def _on_samples(
    chosen: Sequence[Check], folder: Path, known: Catalogue, check_runtime: CheckRuntime
) -> int:
    from stt_worker.oneshot import dry_run  # noqa: PLC0415  # as above

    tried: list[SampleRun] = []
    without: list[str] = []
    for check in chosen:
        file = _file(folder, check)
        is_there = file.is_file()
        samples = parse_samples(file.read_text("utf-8"), str(file)) if is_there else ()
        if not samples:
            without.append(check.name)
        sandbox = check_runtime.dependencies[check.family].sandbox
        tried += await dry_run.on_samples(check, samples, sandbox, known.releases)
    wrong = [one for one in tried if one.problems]
    rows = tuple(
        (
            Cell(one.check, "name"),
            Cell(one.sample),
            Cell(str(one.outcome.outcome), "fail" if one.problems else "ok"),
            Cell("; ".join(one.problems)),
        )
        for one in wrong or tried
    )
    output.print_grid(Grid(COLUMNS, rows))
    for one in wrong:
        if one.printed:
            output.note(f"{one.check}, {one.sample}, printed: {one.printed}")
    if without:
        output.note(f"warning: no samples for {', '.join(without)}", "warn")
    output.note(f"{len(tried)} samples of {len(chosen)} checks, {len(wrong)} wrong")
    if wrong:
        output.print_exit(EXIT_FINDINGS, f"{len(wrong)} samples have another outcome than expected")
    return EXIT_FINDINGS if wrong else 0


async def _on_server(
    chosen: Sequence[Check], folder: Path, url: str, check_runtime: CheckRuntime, *, record: bool
) -> int:
    from stt_worker.databases.port import InspectionError  # noqa: PLC0415  # as above
    from stt_worker.oneshot import dry_run  # noqa: PLC0415  # as above
    from stt_worker.oneshot import scan as scanning  # noqa: PLC0415  # as above
    from stt_worker.targets import passwords  # noqa: PLC0415  # as above

    (target,) = scanning.targets_to_scan([url], None)
    if scanning.has_password([url]):
        output.note(f"warning: {passwords.SEEN_HERE}", "warn")
    mine = [check for check in chosen if check.family is target.family]
    if not mine:
        raise UsageError(f"no check of these applies to {target.family}")
    undecided = 0
    for check in mine:
        dependencies = check_runtime.dependencies[check.family]
        try:
            found = await dry_run.on_server(
                check, await target.resolved(), dependencies, clock.now()
            )
        except InspectionError as error:
            output.print_exit(EXIT_INCOMPLETE, f"{target.id}: {error.kind}: {error.reason}")
            return EXIT_INCOMPLETE
        output.print_text("\n".join(_result_lines(check, found)))
        undecided += found.outcome.outcome == "error"
        if record:
            name = dry_run.record(_file(folder, check), found)
            output.note(f"recorded as sample {name} in {_file(folder, check)}")
    return EXIT_INCOMPLETE if undecided else 0


def _result_lines(check: Check, found: DryRun) -> Iterator[str]:
    version = ".".join(map(str, found.facts.version))
    outcome = found.outcome
    why = f": {outcome.reason}" if outcome.reason else ""
    yield f"{check.name} on {found.facts.flavour} {version}: {outcome.outcome}{why}"
    for place, rows in enumerate(found.docs):
        yield f"  docs[{place}]: {len(rows)} {'databases' if isinstance(rows, dict) else 'rows'}"
    yield from (f"  printed: {line}" for line in found.printed.splitlines())
    for one in outcome.findings:
        yield f"  {one.severity}: {f'{one.object}: ' if one.object else ''}{one.summary}"
        shown = [*plain(one).splitlines(), *(f"{k}: {v}" for k, v in one.labels.items())]
        yield from (f"    {line}" for line in filter(None, [*shown, one.read_more_url]))


async def plan(
    *,
    site: Sites = (),
    target: Targets = (),
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Print the statements for each target, those of the session first."""
    from stt_worker.oneshot import statements  # noqa: PLC0415  # as above

    async with client.coordinator(connection) as control:
        planned = await statements.planned(control, sites=site, targets=target)
    if form is OutputFormat.JSON:
        output.print_message(planned, form)
    elif form is OutputFormat.JSONL:
        output.print_lines(planned)
    else:
        rows = tuple(
            (
                Cell(one.target, "name"),
                Cell(one.server),
                Cell(str(len(one.checks)) if one.checks else "all"),
                Cell(
                    ("in every database: " if one.all_dbs else "") + " ".join(one.statement.split())
                ),
            )
            for one in planned
        )
        output.print_grid(Grid(PLANNED, rows))
