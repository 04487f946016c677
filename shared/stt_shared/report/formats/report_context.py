"""The input of every format: a report, its time and version, and the known checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from stt_shared.checkfile.model import Check
from stt_shared.protocol.enums import Outcome
from stt_shared.protocol.queries.reports import ReportedFinding, ReportedResult
from stt_shared.protocol.records import Acceptance
from stt_shared.report import readable
from stt_shared.report.counts import is_not_checked, is_whole, parts_sentence, without_result
from stt_shared.report.model import Report
from stt_shared.report.views.table import finding_text, unchecked_groups

TOOL = "Security Threat Tool"


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding and its result."""

    result: ReportedResult
    finding: ReportedFinding

    @property
    def text(self) -> str:
        """The summary of the finding, preceded by the object unless the summary names it."""
        return finding_text(self.finding.object, self.finding.summary)

    @property
    def references(self) -> list[str]:
        """The labels of the finding and its `read_more_url`, each named, if there are any."""
        labels, url = readable.labels(self.finding.labels), self.finding.read_more_url
        found = (f"Labels: {labels}" if labels else "", f"Read more: {url}" if url else "")
        return [text for text in found if text]

    @property
    def place(self) -> tuple[int, str, str, str, str]:
        """The sort key: most severe first, then oldest, check and target."""
        finding, result = self.finding, self.result
        since = readable.rfc3339(finding.since)
        return (finding.severity.rank, since, result.check, result.target, finding.id)


@dataclass(frozen=True, slots=True)
class UncheckedGroup:
    """A target, and the checks that have no complete verdict for one reason."""

    target: str
    site: str
    why: str
    checks: tuple[str, ...]

    @property
    def check_names(self) -> str:
        """The name of the check, or the number of checks."""
        one = self.checks[0]
        return one if len(self.checks) == 1 else readable.number(len(self.checks), "check")


@dataclass(frozen=True, kw_only=True)  # without slots, which cached_property cannot use
class ReportContext:
    """A report to be written at `at` by `version` of the tool.

    `checks` are the known checks by name; the report may contain others. `part` describes the
    selection, if it is only a part of a larger report.
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
        """The accepted findings, most severe first."""
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
        """The pairs of target and check without a verdict."""
        return [result for result in self.report.results if is_not_checked(result)]

    @cached_property
    def unchecked_groups(self) -> list[UncheckedGroup]:
        """Targets and reasons with the checks that have no complete verdict."""
        return [UncheckedGroup(*place, checks) for place, checks in unchecked_groups(self.report)]

    @cached_property
    def partial(self) -> list[ReportedResult]:
        """The results whose verdict does not cover every database of the target."""
        return [result for result in self.report.results if result.parts_not_checked]

    @cached_property
    def passed(self) -> list[ReportedResult]:
        """The results that passed."""
        return [result for result in self.report.results if result.outcome is Outcome.PASSED]

    @cached_property
    def implied(self) -> list[ReportedResult]:
        """The failed results without findings of their own: each counts at its cause alone."""
        return [one for one in self.report.results if one.implied and not one.findings]

    @cached_property
    def without_result(self) -> int:
        """The number of targets without any result."""
        return without_result(self.report)

    @property
    def complete(self) -> bool:
        """Whether everything was checked; only then the report may look good."""
        return is_whole(self.report.summary) and not self.without_result

    @cached_property
    def gaps(self) -> list[str]:
        """The caveats of the report: missing results, left out databases, and its notice."""
        missing = f"{readable.number(self.without_result, 'database')} without any result"
        nothing = "" if self.report.summary.targets else "nothing was checked"
        parts = parts_sentence(self.report.summary)
        every = (missing if self.without_result else nothing, parts, self.report.notice)
        return [text for text in every if text]

    @property
    def heading(self) -> str:
        """The selection as the end of a title; empty for a complete report."""
        return f", only {self.part}" if self.part else ""

    @property
    def written(self) -> datetime:
        """The end of the run, or if unknown, the time of writing."""
        return self.report.finished or self.at

    def title(self, name: str) -> str:
        """The summary of the check `name`, or its name if it is unknown."""
        check = self.checks.get(name)
        return check.summary if check is not None else name


def why(result: ReportedResult) -> str:
    """Why a result has no verdict: the text of the code, and the reason."""
    return readable.kind(result.kind, result.reason) or "no reason given"


def implied_text(result: ReportedResult) -> str:
    """Where the findings of a result count that do not count in it."""
    named = {f"{one.implied_by.check} ({one.implied_by.id})": None for one in result.implied}
    return f"its findings are part of those of {readable.first_names(list(named))}"


def acceptance(one: Acceptance) -> str:
    """Who accepts a finding, until which last day, and why; or of which baseline it is."""
    if one.baseline:
        return f"in the baseline: {one.reason}"
    return f"accepted by {one.by} until {one.until.isoformat()}: {one.reason}"
