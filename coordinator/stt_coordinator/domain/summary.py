"""The summaries: counts of everything and of each site, from the tallies of the store."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, NamedTuple

from stt_coordinator.domain.coverage import never_run
from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.records import Counts, RunRecord, Summary
from stt_shared.report.counts import counted


class TargetTally(NamedTuple):
    """Present targets of a site, a family and a state; `learned`: whether by their last run."""

    site: str
    family: Family
    learned: bool
    number: int
    state: str = "never"
    last_started: datetime | None = None  # the newest of these targets
    last_checked: datetime | None = None


class SiteTally(NamedTuple):
    """Targets of a site: `unchecked`, `late` and `checked` (the newest check) are of present ones.

    `late` is how many were checked too long ago, whatever the caller means by that.
    """

    site: str
    targets: int = 0
    unchecked: int = 0  # not in state `checked`
    late: int = 0
    checked: datetime | None = None
    gone: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """How many of each there are now, without disabled checks; present targets alone but for gone.

    findings: (site, family, severity, open findings), accepted: the same of accepted ones;
    outcomes: (site, family, outcome, kind, pairs of target and check);
    parts: (site, family, kind, databases of targets that a check left out);
    checks: how many are enabled, by family;
    gone: (site, family, gone targets); gone_findings: (site, open or accepted findings of these).
    """

    findings: Sequence[tuple[str, Family, Severity, int]] = ()
    accepted: Sequence[tuple[str, Family, Severity, int]] = ()
    outcomes: Sequence[tuple[str, Family, Outcome, Kind | None, int]] = ()
    targets: Sequence[TargetTally] = ()
    parts: Sequence[tuple[str, Family, Kind, int]] = ()
    checks: Mapping[Family, int] = field(default_factory=dict[Family, int])
    gone: Sequence[tuple[str, Family, int]] = ()
    gone_findings: Sequence[tuple[str, int]] = ()

    def sites(self) -> tuple[str, ...]:
        """Every site that has a target, gone ones too, in order."""
        return tuple(sorted({one.site for one in self.targets} | {one[0] for one in self.gone}))

    def never_run(self) -> dict[tuple[str, Family], int]:
        """By site and family, how many checks were never run on present targets."""
        run: Counter[tuple[str, Family]] = Counter()
        for site, family, _, _, number in self.outcomes:
            run[site, family] += number
        wanted = (((one.site, one.family), one.family, one.number) for one in self.targets)
        return never_run(wanted, self.checks, run)

    def not_checked(self) -> Iterator[tuple[str, Family, Kind, int]]:
        """Pairs without a verdict by site, family and why, but for checks that do not apply."""
        for site, family, _, kind, number in self.outcomes:
            if kind is not None and kind is not Kind.NOT_APPLICABLE:
                yield site, family, kind, number
        for (site, family), number in self.never_run().items():
            yield site, family, Kind.NOT_RUN, number
        for site, family, number in self.gone:
            yield site, family, Kind.GONE, number * self.checks.get(family, 0)

    def families(self) -> dict[str, int]:
        """Targets by family."""
        found: Counter[str] = Counter()
        for one in self.targets:
            found[one.family] += one.number
        return dict(found)


_ROWS = tuple(one.name for one in fields(Tallies) if one.name != "checks")


def by_site(tallies: Tallies) -> dict[str, Tallies]:
    """The rows of each site that has any.

    Each row is read once, however many sites there are: a pass for each site is quadratic.
    """
    parts: defaultdict[str, defaultdict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for name in _ROWS:
        for row in getattr(tallies, name):
            parts[row[0]][name].append(row)
    return {site: Tallies(checks=tallies.checks, **rows) for site, rows in parts.items()}


def counts(tallies: Tallies) -> Counts:
    """The counts of these rows."""
    severities: Counter[Severity] = Counter()
    outcomes: Counter[tuple[Outcome, Kind | None]] = Counter()
    for _, _, severity, number in tallies.findings:
        severities[severity] += number
    for _, _, outcome, kind, number in tallies.outcomes:
        outcomes[outcome, kind] += number
    outcomes[Outcome.SKIPPED, Kind.NOT_RUN] += sum(tallies.never_run().values())
    for _, family, number in tallies.gone:
        outcomes[Outcome.SKIPPED, Kind.GONE] += number * tallies.checks.get(family, 0)
    return counted(
        severities=severities,
        outcomes=outcomes,
        targets=sum(one.number for one in tallies.targets),
        targets_checked=sum(one.number for one in tallies.targets if one.learned),
        accepted=sum(number for *_, number in tallies.accepted),
        parts=sum(number for *_, number in tallies.parts),
        gone=sum(number for *_, number in tallies.gone),
        gone_findings=sum(number for _, number in tallies.gone_findings),
    )


def end_of_site(site: str, state: ControlState, as_of: datetime) -> Summary:
    """The last summary of a site that has no target any more."""
    return Summary(
        counts=Counts(),
        as_of=as_of,
        enabled=state.enabled,
        since=state.since,
        site=site,
        ended=True,
    )


def summary(
    tallies: Tallies, state: ControlState, last_run: RunRecord | None, as_of: datetime
) -> Summary:
    """The summary of all sites together as a message."""
    return _message(tallies, state, last_run, as_of)


def summaries(
    tallies: Tallies, state: ControlState, last_run: RunRecord | None, as_of: datetime
) -> list[Summary]:
    """The summaries as messages: of everything first, then of each site that has a target."""
    parts = by_site(tallies)
    of_sites = (_message(parts[site], state, last_run, as_of, site) for site in tallies.sites())
    return [summary(tallies, state, last_run, as_of), *of_sites]


def _message(
    tallies: Tallies,
    state: ControlState,
    last_run: RunRecord | None,
    as_of: datetime,
    site: str = "",
) -> Summary:
    return Summary(
        counts=counts(tallies),
        as_of=as_of,
        enabled=state.enabled,
        since=state.since,
        site=site,
        last_run=last_run,
    )
