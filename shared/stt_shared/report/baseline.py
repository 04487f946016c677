"""Apply a baseline, an earlier report, to a report: only what is new counts as open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from stt_shared.errors import ConfigError
from stt_shared.protocol.queries.reports import ReportedFinding
from stt_shared.protocol.records import Acceptance
from stt_shared.report.exceptions import with_results
from stt_shared.report.model import SCHEMA, Report

MAX_AGE = timedelta(days=400)  # as the last day of an exception
MAX_AHEAD = timedelta(hours=1)  # clocks of the machines that wrote and that read
MAX_BYTES = 256 * 1024 * 1024
BASELINE = "baseline"
_HINT = "take one: stt scan ... -o json > baseline.json, or stt report -o json"


def read(path: Path, now: datetime) -> Report:
    """The report in a file; raises ConfigError for another file, and for a time too far away."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ConfigError(f"{path} has {size} bytes, the limit is {MAX_BYTES}", hint=_HINT)
        found = msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        why = (error.strerror or "").lower()
        raise ConfigError(f"cannot read the baseline {path} ({why})", hint=_HINT) from error
    except (msgspec.DecodeError, RecursionError) as error:
        what = f"{path} is not a report of schema {SCHEMA} ({error})"
        raise ConfigError(what, hint=_HINT) from error
    if found.schema != SCHEMA:
        raise ConfigError(f"{path} has schema {found.schema!r:.60}, expected {SCHEMA}", hint=_HINT)
    at = taken(found)
    if at is None:
        raise ConfigError(f"{path} does not say of when it is", hint=_HINT)
    if now - at > MAX_AGE:
        what = f"the baseline {path} is of {at.date()}, the limit is {MAX_AGE.days} days"
        raise ConfigError(what, hint=_HINT)
    if at - now > MAX_AHEAD:
        raise ConfigError(f"the baseline {path} is of {at.date()}, in the future", hint=_HINT)
    return found


def taken(baseline: Report) -> datetime | None:
    """When its run ended, or when it was asked for; None if it does not say so."""
    return baseline.finished or baseline.written or baseline.started


def with_baseline(report: Report, baseline: Report, now: datetime) -> Report:
    """The report with what was open in the baseline accepted, or in the baseline of that one.

    Not what the baseline accepts otherwise: that comes back when its acceptance ends. Not what is
    more severe than it was.
    """
    known = _known_by_id(report, baseline)
    day = (taken(baseline) or now).astimezone(UTC)
    run = f" (run {baseline.run_id})" if baseline.run_id else ""
    accepted = Acceptance(
        exception=BASELINE,
        until=(day + MAX_AGE).date(),
        by=BASELINE,
        reason=f"known on {day.date()}{run}",
        baseline=True,
    )
    results = tuple(
        msgspec.structs.replace(
            result, findings=tuple(_applied(one, known, accepted, now) for one in result.findings)
        )
        for result in report.results
    )
    return with_results(report, results)


def _known_by_id(report: Report, baseline: Report) -> dict[str, ReportedFinding]:
    """What the baseline knows, by the id that it has in the report.

    A finding that an earlier release named otherwise is recognised by its evidence.
    """
    of_pair = {
        (result.target, result.check): [
            one for one in result.findings if one.accepted is None or one.accepted.baseline
        ]
        for result in baseline.results
    }
    known = {one.id: one for findings in of_pair.values() for one in findings}
    for result in report.results:
        ids = {one.id for one in result.findings}
        old = [one for one in of_pair.get((result.target, result.check), ()) if one.id not in ids]
        for finding in result.findings:
            if finding.formerly and finding.id not in known:
                found = next((one for one in old if _is_former(one, finding.formerly)), None)
                if found is not None:
                    old.remove(found)  # or one that is known would let any number pass
                    known[finding.id] = found
    return known


def _is_former(known: ReportedFinding, formerly: Mapping[str, Any]) -> bool:
    return any(formerly.items() <= row.items() for row in known.evidence)


def _applied(
    finding: ReportedFinding,
    known: Mapping[str, ReportedFinding],
    accepted: Acceptance,
    now: datetime,
) -> ReportedFinding:
    was = known.get(finding.id)
    if finding.accepted is not None or was is None or finding.severity.rank < was.severity.rank:
        return finding
    # Of a chain of baselines the first day counts: else nothing in it would ever end.
    first = was.accepted or accepted
    if first.until < now.astimezone(UTC).date():
        return finding
    return msgspec.structs.replace(finding, accepted=first)


def has_a_target_of(baseline: Report, report: Report) -> bool:
    """Whether a database of the report is in the baseline: names may have changed since."""
    there = {one.target for one in baseline.results}
    return not report.results or any(one.target in there for one in report.results)
