"""Which report is wanted: of a stored run or of the current state, and which part of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import msgspec
from cyclopts import Group, Parameter

from stt_cli.commands.findings.commands import filtered
from stt_shared import clock
from stt_shared.checkfile import catalogue
from stt_shared.command import exclusions
from stt_shared.command.control import Control, RefusedError, find_run, report
from stt_shared.command.exclusions import BaselineFile, ExceptionsFile, SkippedChecks
from stt_shared.command.options import Checks, Families, Sites, Targets
from stt_shared.errors import UsageError
from stt_shared.protocol.control import Verb
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.queries.reports import RunsReply, RunsRequest
from stt_shared.protocol.records import RunRecord
from stt_shared.report import readable
from stt_shared.report.counts import of_results, without_result
from stt_shared.report.model import Report

NEWEST = 100  # runs searched for the latest finished one
CHOICE = Group(
    "Which report (default: the latest outcome of every check on every database)", sort_key=80
)


@Parameter(name="*", group=CHOICE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A stored run or the current state, and filters of it."""

    run: Annotated[
        str, Parameter(help="Report of this run, see stt runs list.", show_default=False)
    ] = ""
    last: Annotated[bool, Parameter(help="Report of the latest finished run.", negative=())] = False
    site: Sites = ()
    family: Families = ()
    target: Targets = ()
    check: Checks = ()
    skip_check: SkippedChecks = ()
    exceptions: ExceptionsFile = None
    baseline: BaselineFile = None

    @property
    def is_of_a_run(self) -> bool:
        """Whether a stored run is wanted, not the current state."""
        return bool(self.run or self.last)

    @property
    def part(self) -> str:
        """The filters as text, e.g. `site eu-west, check mysql_version`."""
        named = {
            "site": self.site,
            "family": self.family,
            "target": self.target,
            "check": self.check,
            "without check": self.skip_check,
        }
        return ", ".join(f"{what} {' '.join(names)}" for what, names in named.items() if names)


async def chosen(control: Control, choice: Choice) -> Report:
    """The wanted report; one of an unfinished run has a notice and counts all its targets.

    Raises UsageError for contradicting options or a name that the report does not contain,
    RefusedError for an unknown run, ConfigError for faults of the file of exceptions.
    """
    before = exclusions.read_baseline(choice.baseline)
    if choice.run and choice.last:
        raise UsageError("--run and --last exclude each other")
    run: RunRecord | None = None
    if choice.run:
        run = await find_run(control, choice.run)
    elif choice.last:
        reply = await control.ask(Verb.RUNS, RunsRequest(limit=NEWEST), RunsReply)
        run = next((one for one in reply.runs if one.state == "finished"), None)
        if run is None:
            raise RefusedError("unknown_run", "no run has finished yet", hint="see: stt runs list")
    whole = await report(control, run.run_id if run else "")
    if run is not None and run.state == "running":
        jobs = readable.number(run.jobs, "database")
        notice = f"run {run.run_id} is not finished: {run.done} of {jobs} done"
        # Its report holds only what was answered: without this it would look complete.
        targets = max(whole.summary.targets, run.jobs)
        whole = msgspec.structs.replace(
            whole,
            summary=msgspec.structs.replace(whole.summary, targets=targets),
            notice="; ".join(filter(None, (whole.notice, notice))),
        )
    else:
        whole = msgspec.structs.replace(whole, written=None if run else clock.now())
    results = whole.results
    _check_names("site", choice.site, (one.site for one in results))
    _check_names("target", choice.target, (one.target for one in results))
    _check_names("check", (*choice.check, *choice.skip_check), (one.check for one in results))
    wanted = FindingsRequest(
        families=choice.family, sites=choice.site, targets=choice.target, checks=choice.check
    )
    part = without_checks(filtered(whole, wanted), choice.skip_check)
    if choice.part:
        part = await _with_missing(control, choice, whole, part)
    if choice.exceptions is None:
        return exclusions.beyond_baseline(part, before)
    # Of the whole report: a file for the fleet also names checks that are left out here.
    names = frozenset(one.check for one in results)
    accepted = exclusions.read(choice.exceptions, (catalogue.builtin(),), names)
    rows = await control.every_target() if accepted.has_labels else []
    return exclusions.applied(part, accepted, {row.target: row.labels for row in rows}, before)


def without_checks(whole: Report, names: tuple[str, ...]) -> Report:
    """The report without these checks."""
    if not names:
        return whole
    kept = tuple(one for one in whole.results if one.check not in set(names))
    return msgspec.structs.replace(whole, results=kept, summary=of_results(kept))


async def _with_missing(control: Control, choice: Choice, whole: Report, part: Report) -> Report:
    """The part of a report, with its databases without any result: no row shows them."""
    missing = without_result(whole)
    if choice.target:  # those that are named are in the report
        missing = 0
    elif missing and (choice.site or choice.family):
        there = {one.target for one in whole.results}
        wanted = [
            row
            for row in await control.every_target()
            if row.target not in there
            and row.site in (choice.site or (row.site,))
            and row.family in (choice.family or (row.family,))
        ]
        missing = min(missing, len(wanted))
    targets = of_results(part.results).targets + missing
    summary = msgspec.structs.replace(part.summary, targets=targets)
    return msgspec.structs.replace(part, summary=summary)


def _check_names(what: str, wanted: tuple[str, ...], there: Iterable[str]) -> None:
    """Raise UsageError for an unknown name: its report would be empty and look like all clear."""
    missing = set(wanted) - set(there) if wanted else set[str]()
    if missing:
        raise UsageError(f"the report contains no {what} {min(missing)!r}")
