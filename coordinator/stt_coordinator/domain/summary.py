"""The summary: counts of everything or of one site, from the tallies of the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from stt_coordinator.domain.coverage import never_run
from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.records import Counts, RunRecord, Summary
from stt_shared.report.counts import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """How many of each there are now, without disabled checks; present targets alone but for gone.

    findings: (site, severity, open findings); accepted: (site, accepted findings);
    pairs: (site, outcome, kind, pairs);
    targets: (site, family, whether the last run learned something, targets);
    parts: (site, databases of targets that a check left out);
    checks: how many are enabled, by family;
    gone: (site, family, gone targets); gone_findings: (site, open or accepted findings of these).
    """

    findings: Sequence[tuple[str, Severity, int]] = ()
    accepted: Sequence[tuple[str, int]] = ()
    pairs: Sequence[tuple[str, Outcome, Kind | None, int]] = ()
    targets: Sequence[tuple[str, Family, bool, int]] = ()
    parts: Sequence[tuple[str, int]] = ()
    checks: Mapping[Family, int] = field(default_factory=dict[Family, int])
    gone: Sequence[tuple[str, Family, int]] = ()
    gone_findings: Sequence[tuple[str, int]] = ()

    def sites(self) -> tuple[str, ...]:
        """Every site that has a target, gone ones too, in order."""
        return tuple(sorted({one[0] for one in self.targets} | {one[0] for one in self.gone}))

    def never_run(self) -> dict[str, int]:
        """By site, how many checks were never run on its present targets."""
        run: Counter[str] = Counter()
        for site, _, _, number in self.pairs:
            run[site] += number
        return never_run(((site, f, n) for site, f, _, n in self.targets), self.checks, run)

    def families(self) -> dict[str, int]:
        """Targets by family."""
        found: Counter[str] = Counter()
        for _, family, _, number in self.targets:
            found[family] += number
        return dict(found)


def counts(tallies: Tallies, site: str = "") -> Counts:
    """The counts of one site, or of all of them."""
    severities: Counter[Severity] = Counter()
    outcomes: Counter[tuple[Outcome, Kind | None]] = Counter()
    for where, severity, number in tallies.findings:
        severities[severity] += number * (site in ("", where))
    for where, outcome, kind, number in tallies.pairs:
        outcomes[outcome, kind] += number * (site in ("", where))
    for where, number in tallies.never_run().items():
        outcomes[Outcome.SKIPPED, Kind.NOT_RUN] += number * (site in ("", where))
    gone = [(family, n) for where, family, n in tallies.gone if site in ("", where)]
    for family, number in gone:
        outcomes[Outcome.SKIPPED, Kind.GONE] += number * tallies.checks.get(family, 0)
    mine = [(learned, n) for where, _, learned, n in tallies.targets if site in ("", where)]
    return counted(
        severities=severities,
        outcomes=outcomes,
        targets=sum(number for _, number in mine),
        targets_checked=sum(number for learned, number in mine if learned),
        accepted=sum(number for where, number in tallies.accepted if site in ("", where)),
        parts=sum(number for where, number in tallies.parts if site in ("", where)),
        gone=sum(number for _, number in gone),
        gone_findings=sum(n for where, n in tallies.gone_findings if site in ("", where)),
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
    tallies: Tallies,
    state: ControlState,
    last_run: RunRecord | None,
    as_of: datetime,
    site: str = "",
) -> Summary:
    """The summary as a message."""
    return Summary(
        counts=counts(tallies, site),
        as_of=as_of,
        enabled=state.enabled,
        since=state.since,
        site=site,
        last_run=last_run,
    )
