"""The options that leave something out of a report: exceptions of a file, checks, gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from stt_shared import clock
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.command import output
from stt_shared.command.options import many
from stt_shared.report import baseline
from stt_shared.report.exceptions import with_exceptions
from stt_shared.report.model import Report
from stt_shared.suppression import plan
from stt_shared.suppression.rule import Suppressor

ExceptionsFile = Annotated[
    Path | None,
    Parameter(
        name="--exceptions",
        help="Accept findings, and set severities, as this file says (stt exceptions export).",
    ),
]
BaselineFile = Annotated[
    Path | None,
    Parameter(
        name="--baseline",
        help="A report (JSON): what was open in it no longer counts, unless it is more severe now.",
    ),
]
SkippedChecks = Annotated[tuple[str, ...], many("Leave these checks out.")]
MaxNotChecked = Annotated[
    int,
    Parameter(
        help="Number of checks, and of parts of them, that may have no outcome.",
        validator=Number(gte=0),
    ),
]


def read(
    path: Path | None, catalogues: Iterable[Catalogue], names: frozenset[str] = frozenset()
) -> plan.Plan:
    """The exceptions of a file, none without a file; warns of those that ended.

    They name checks of `catalogues`, or of `names`, those of a report of other checks.
    Raises ConfigError with every fault of the file.
    """
    if path is None:
        return plan.Plan()
    found = plan.read(path, catalogues, clock.now(), names)
    for one in found.ended:
        output.note(f"warning: exception {one.id} ended with {one.until}", "warn")
    return found


def applied(
    report: Report,
    found: plan.Plan,
    labels: Mapping[str, Mapping[str, str]],
    known: Report | None = None,
) -> Report:
    """The report with these exceptions, and beyond a baseline; `labels` are of the databases."""
    if found.suppressions:
        report = with_exceptions(report, Suppressor(found.suppressions, labels))
    return beyond_baseline(report, known)


def read_baseline(path: Path | None) -> Report | None:
    """The report in a file, None without a file; raises ConfigError if it cannot be used."""
    return baseline.read(path, clock.now()) if path is not None else None


def beyond_baseline(report: Report, known: Report | None) -> Report:
    """The report in which only what is new counts; warns of a baseline of other databases."""
    if known is None:
        return report
    if not baseline.has_a_target_of(known, report):
        output.note("warning: the baseline has none of these databases", "warn")
    return baseline.with_baseline(report, known, clock.now())


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusions:
    """What a scan leaves out, or lets pass."""

    skip_check: SkippedChecks = ()
    exceptions: ExceptionsFile = None
    baseline: BaselineFile = None
    max_not_checked: MaxNotChecked = 0
    site: Annotated[
        str,
        Parameter(
            help="Site of the databases, for exceptions; default: that of --config, or local.",
            show_default=False,
        ),
    ] = ""

    def read(self, catalogues: Iterable[Catalogue]) -> tuple[plan.Plan, Report | None]:
        """What its files hold, read before any work; raises ConfigError with their faults."""
        return read(self.exceptions, catalogues), read_baseline(self.baseline)


def tolerates(report: Report, limit: int, missing: int = 0) -> bool:
    """Whether no more than `limit` checks and parts have no outcome.

    `missing` are further gaps: databases without a result, faults of check files.
    """
    counts = report.summary
    return counts.not_checked + counts.parts_not_checked + missing <= limit
