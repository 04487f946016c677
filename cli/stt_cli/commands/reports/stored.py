"""Reports of runs that the coordinator keeps, or of the state now: which, and what part of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import msgspec
from cyclopts import Group, Parameter

from stt_cli.commands.findings.commands import filtered
from stt_shared.command.control import Control, RefusedError, find_run, report
from stt_shared.command.options import Checks, Families, Sites, Targets
from stt_shared.errors import UsageError
from stt_shared.protocol.control import Verb
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.records import RunRecord
from stt_shared.protocol.reports import RunsReply, RunsRequest
from stt_shared.report import readable
from stt_shared.report.model import Report

NEWEST = 100  # runs looked through for one that has finished
CHOICE = Group(
    "Which report (default: the latest outcome of every check on every target)", sort_key=80
)


@Parameter(name="*", group=CHOICE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A stored run, or the state now, and the targets and checks of it."""

    run: Annotated[str, Parameter(help="Of this run, see stt runs list.", show_default=False)] = ""
    last: Annotated[bool, Parameter(help="Of the newest run that has finished.", negative=())] = (
        False
    )
    site: Sites = ()
    family: Families = ()
    target: Targets = ()
    check: Checks = ()

    @property
    def is_of_a_run(self) -> bool:
        """Whether a stored run is meant and not the state now."""
        return bool(self.run or self.last)

    @property
    def part(self) -> str:
        """What is chosen of a report, e.g. `site eu-west, check mysql_version`."""
        named = {
            "site": self.site,
            "family": self.family,
            "target": self.target,
            "check": self.check,
        }
        return ", ".join(f"{what} {' '.join(names)}" for what, names in named.items() if names)


async def chosen(control: Control, choice: Choice) -> Report:
    """The report that is meant; a run under way says so, and counts the targets it waits for.

    Raises UsageError for a contradiction or a name that the report does not hold, RefusedError
    for a run that there is not.
    """
    if choice.run and choice.last:
        raise UsageError("--run and --last name two reports, give one of them")
    run = await _run(control, choice) if choice.is_of_a_run else None
    whole = await report(control, run.run_id if run else "")
    if run is not None and run.state == "running":
        whole = _under_way(whole, run)
    return _part(whole, choice)


async def _run(control: Control, choice: Choice) -> RunRecord:
    if choice.run:
        return await find_run(control, choice.run)
    reply = await control.ask(Verb.RUNS, RunsRequest(limit=NEWEST), RunsReply)
    finished = next((run for run in reply.runs if run.state == "finished"), None)
    if finished is None:
        raise RefusedError("unknown_run", "no run has finished yet", hint="see: stt runs list")
    return finished


def _under_way(whole: Report, run: RunRecord) -> Report:
    jobs = readable.number(run.jobs, "target")
    notice = f"run {run.run_id} is under way: {run.done} of {jobs} done"
    counts = msgspec.structs.replace(whole.summary, targets=max(whole.summary.targets, run.jobs))
    both = "; ".join(part for part in (whole.notice, notice) if part)
    return msgspec.structs.replace(whole, summary=counts, notice=both)


def _part(whole: Report, choice: Choice) -> Report:
    results = whole.results
    _known("site", choice.site, (one.site for one in results))
    _known("target", choice.target, (one.target for one in results))
    _known("check", choice.check, (one.check for one in results))
    wanted = FindingsRequest(
        families=choice.family, sites=choice.site, targets=choice.target, checks=choice.check
    )
    return filtered(whole, wanted)


def _known(what: str, wanted: tuple[str, ...], there: Iterable[str]) -> None:
    """Refuse a name that nothing has: it would make an empty report that looks like all clear."""
    missing = set(wanted) - set(there) if wanted else set[str]()
    if missing:
        raise UsageError(f"the report holds no {what} {min(missing)!r}")
