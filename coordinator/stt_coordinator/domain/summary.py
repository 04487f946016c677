"""The summary: counts of everything or of one site, from the tallies of the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.records import Counts, RunRecord, Summary
from stt_shared.report.counts import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """How many of each there are now, without gone targets and switched-off checks.

    findings: (site, severity, open findings); accepted: (site, accepted findings);
    pairs: (site, outcome, kind, pairs);
    targets: (site, family, whether the last run learned something, targets);
    parts: (site, databases of targets that a check left out).
    """

    findings: Sequence[tuple[str, Severity, int]] = ()
    accepted: Sequence[tuple[str, int]] = ()
    pairs: Sequence[tuple[str, Outcome, Kind | None, int]] = ()
    targets: Sequence[tuple[str, Family, bool, int]] = ()
    parts: Sequence[tuple[str, int]] = ()

    def sites(self) -> tuple[str, ...]:
        """Every site that has a target, in order."""
        return tuple(sorted({site for site, *_ in self.targets}))

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
    mine = [(learned, n) for where, _, learned, n in tallies.targets if site in ("", where)]
    return counted(
        severities=severities,
        outcomes=outcomes,
        targets=sum(number for _, number in mine),
        targets_checked=sum(number for learned, number in mine if learned),
        accepted=sum(number for where, number in tallies.accepted if site in ("", where)),
        parts=sum(number for where, number in tallies.parts if site in ("", where)),
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
