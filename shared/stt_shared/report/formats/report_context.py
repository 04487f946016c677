"""What every format is made of: a report, when and by what it is written, and what checks say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from stt_shared.checkfile.model import Check
from stt_shared.protocol.enums import Outcome, Severity
from stt_shared.protocol.records import Acceptance
from stt_shared.protocol.reports import ReportedFinding, ReportedResult
from stt_shared.report import readable
from stt_shared.report.counts import is_not_checked, is_whole, parts_sentence, without_result
from stt_shared.report.model import Report
from stt_shared.report.views.table import finding_text, unchecked_groups

TOOL = "Security Threat Tool"
_ORDER = {severity: place for place, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding and the pair of target and check it is of."""

    result: ReportedResult
    finding: ReportedFinding

    @property
    def text(self) -> str:
        """What was found; the thing itself first, unless the summary names it anyway."""
        return finding_text(self.finding.object, self.finding.summary)

    @property
    def place(self) -> tuple[int, str, str, str, str]:
        """Where it stands in a list: most severe first, then oldest, by check and target."""
        finding, result = self.finding, self.result
        since = readable.rfc3339(finding.since)
        return (_ORDER[finding.severity], since, result.check, result.target, finding.id)


@dataclass(frozen=True, slots=True)
class UncheckedGroup:
    """A target and a reason for which nothing was learned of it, by `checks`."""

    target: str
    site: str
    why: str
    checks: tuple[str, ...]

    @property
    def check_names(self) -> str:
        """The check, or how many."""
        one = self.checks[0]
        return one if len(self.checks) == 1 else readable.number(len(self.checks), "check")


@dataclass(frozen=True, kw_only=True)  # without slots: what is asked for often is kept
class ReportContext:
    """A report that is about to be written at `at` by `version` of the tool.

    `checks` are the checks known here by name; a report may hold others. `part` says what was
    chosen of a larger report: it is told wherever the whole would be meant otherwise.
    """

    report: Report
    at: datetime
    version: str
    checks: Mapping[str, Check] = field(default_factory=dict[str, Check])
    part: str = ""

    @cached_property
    def failures(self) -> list[Entry]:
        """The findings that count, most severe first."""
        return self._entries(accepted=False)

    @cached_property
    def accepted(self) -> list[Entry]:
        """The findings that exceptions accept, most severe first."""
        return self._entries(accepted=True)

    def _entries(self, *, accepted: bool) -> list[Entry]:
        entries = [
            Entry(result, finding)
            for result in self.report.results
            for finding in result.findings
            if (finding.accepted is not None) == accepted
        ]
        return sorted(entries, key=lambda entry: entry.place)

    @cached_property
    def unchecked(self) -> list[ReportedResult]:
        """The pairs of target and check that nothing was learned of."""
        return [result for result in self.report.results if is_not_checked(result)]

    @cached_property
    def unchecked_groups(self) -> list[UncheckedGroup]:
        """What nothing was learned of, in whole or in part, with why."""
        return [UncheckedGroup(*place, checks) for place, checks in unchecked_groups(self.report)]

    @cached_property
    def partial(self) -> list[ReportedResult]:
        """The pairs whose verdict does not cover every database of the target."""
        return [result for result in self.report.results if result.parts_not_checked]

    @cached_property
    def passed(self) -> list[ReportedResult]:
        """The pairs of target and check with nothing wrong."""
        return [result for result in self.report.results if result.outcome is Outcome.PASSED]

    @cached_property
    def without_result(self) -> int:
        """How many targets have no result at all, not even one that says why."""
        return without_result(self.report)

    @property
    def complete(self) -> bool:
        """Whether everything was checked; only then may anything look like all clear."""
        return is_whole(self.report.summary) and not self.without_result

    @cached_property
    def gaps(self) -> list[str]:
        """What must be said besides the results: what is missing, and the report's own notice."""
        missing = f"{readable.number(self.without_result, 'database')} without any result"
        nothing = "" if self.report.summary.targets else "nothing was checked"
        parts = parts_sentence(self.report.summary)
        every = (missing if self.without_result else nothing, parts, self.report.notice)
        return [text for text in every if text]

    @property
    def heading(self) -> str:
        """What this is a report of, for the end of a title: empty for the whole."""
        return f", only {self.part}" if self.part else ""

    @property
    def written(self) -> datetime:
        """When the checks ended, or where that is not known, when this is written."""
        return self.report.finished or self.at

    def title(self, name: str) -> str:
        """What the check `name` looks for, in a few words."""
        check = self.checks.get(name)
        return check.summary if check is not None else name


def why(result: ReportedResult) -> str:
    """Why nothing was learned: the word of the code, and the reason."""
    return readable.kind(result.kind, result.reason) or "no reason given"


def acceptance(one: Acceptance) -> str:
    """Who accepts a finding, until which last day, and why."""
    return f"accepted by {one.by} until {one.until.isoformat()}: {one.reason}"
