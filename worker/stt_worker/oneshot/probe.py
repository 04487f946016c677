"""Tests whether targets can be checked: connection, TLS, log-in, version and privileges."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable, Sequence

import msgspec

from stt_shared.checkfile.model import Check
from stt_shared.checkfile.variants import unsupported
from stt_shared.errors import UsageError
from stt_shared.protocol.enums import Family, Kind
from stt_shared.protocol.messages import Facts
from stt_shared.report.grid import Cell, Column, Grid
from stt_worker.databases.inspection import View
from stt_worker.databases.port import InspectionError
from stt_worker.execution.admission import AdmissionQueue
from stt_worker.execution.job import CheckDependencies, failed
from stt_worker.execution.plan import Plan, failure_of, job_plan, plan
from stt_worker.execution.runtime import CheckRuntime
from stt_worker.targets.model import Target

CONCURRENCY = 8
COLUMNS = (
    Column("DATABASE", shorten=True),
    Column("TYPE"),
    Column("STATE"),
    Column("TLS"),
    Column("SERVER", shorten=True),
    Column("WHY", whole=True),
)


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one target; without facts the server could not be inspected.

    `problems` are the checks that cannot run, with reasons, or one reason for all.
    """

    target: str
    family: Family
    tls: str
    kind: Kind | None = None
    facts: Facts | None = None
    problems: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether every applicable check can run."""
        return self.facts is not None and not self.problems


def named(targets: Sequence[Target], names: Sequence[str]) -> list[Target]:
    """The targets with these names, all without names; raises UsageError for an unknown name."""
    known = {target.id: target for target in targets}
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else ""
            raise UsageError(f"unknown target {name!r}", hint=hint)
    return [known[name] for name in dict.fromkeys(names or known)]


async def probe_all(targets: Sequence[Target], runtime: CheckRuntime) -> list[Probed]:
    """Probe each target, CONCURRENCY at a time; results in the order of `targets`."""
    queue = AdmissionQueue(CONCURRENCY)

    async def one(target: Target) -> Probed:
        async with queue.admit(target.id):
            return await probe(
                target, runtime.catalogue.of(target.family), runtime.dependencies[target.family]
            )

    return await asyncio.gather(*(one(target) for target in targets))


def grid(probed: Sequence[Probed]) -> Grid:
    """One row per target."""
    rows: list[tuple[Cell, ...]] = []
    for one in probed:
        state, style = ("limited", "warn") if one.facts else ("no", "fail")
        if one.good:
            state, style = "ok", "ok"
        server = f"{one.facts.flavour} {one.facts.version_text}" if one.facts else ""
        problems = Cell("; ".join(one.problems))
        name, tls = Cell(one.target, "name"), Cell(one.tls)
        rows.append((name, Cell(one.family), Cell(state, style), tls, Cell(server), problems))
    return Grid(COLUMNS, tuple(rows))


async def probe(target: Target, checks: Iterable[Check], dependencies: CheckDependencies) -> Probed:
    """Connect and ask the questions of all checks of the family; scripts are not run."""
    mine = [check for check in checks if check.family is target.family and not unsupported(check)]
    plans: list[Plan] = []

    def choose(facts: Facts) -> Sequence[View]:
        plans[:] = [plan(check, facts) for check in mine]
        return job_plan(plans).views

    tls = "socket" if target.endpoint.socket else target.endpoint.tls.mode
    try:
        inspection = await dependencies.inspector.inspect(
            await target.resolved(), choose, dependencies.limits
        )
    except InspectionError as error:
        return Probed(
            target=target.id,
            family=target.family,
            tls=tls,
            kind=error.kind,
            problems=(error.reason,),
        )
    problems: list[str] = []
    for planned in plans:
        if failure := failure_of(planned, inspection.answers):
            outcome = failed(planned.check, failure, inspection.facts)
            problems.append(f"{outcome.check}: {outcome.kind}: {outcome.reason}")
    return Probed(
        target=target.id,
        family=target.family,
        tls=tls,
        facts=inspection.facts,
        problems=tuple(problems),
    )
