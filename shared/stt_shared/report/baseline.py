"""Apply a baseline, an earlier report, to a report: only what is new counts as open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.queries.reports import ReportedFinding
from stt_shared.protocol.records import Acceptance
from stt_shared.report.exceptions import with_results
from stt_shared.report.model import SCHEMA, Report

MAX_AGE = timedelta(days=400)  # as the last day of an exception
MAX_BYTES = 256 * 1024 * 1024
BASELINE = "baseline"
_HINT = "take one: stt scan ... -o json > baseline.json, or stt report -o json"


def read(path: Path, now: datetime) -> Report:
    """The report in a file; raises ConfigError for another file, or one older than MAX_AGE."""
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
    if now - taken(found, now) > MAX_AGE:
        day = taken(found, now).date()
        what = f"the baseline {path} is of {day}, the limit is {MAX_AGE.days} days"
        raise ConfigError(what, hint=_HINT)
    return found


def taken(baseline: Report, now: datetime) -> datetime:
    """When its run ended; `now` for a report of the current state, which names no run."""
    return baseline.finished or baseline.started or now


def with_baseline(report: Report, baseline: Report, now: datetime) -> Report:
    """The report with what was open in the baseline accepted.

    Not what the baseline itself accepts: that comes back when its acceptance ends. Not what is more
    severe than it was.
    """
    known = {
        one.id: one.severity
        for result in baseline.results
        for one in result.findings
        if one.accepted is None
    }
    day = taken(baseline, now).astimezone(UTC)
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
            result, findings=tuple(_applied(one, known, accepted) for one in result.findings)
        )
        for result in report.results
    )
    return with_results(report, results)


def _applied(
    finding: ReportedFinding, known: Mapping[str, Severity], accepted: Acceptance
) -> ReportedFinding:
    was = known.get(finding.id)
    if finding.accepted is not None or was is None or finding.severity.rank < was.rank:
        return finding
    return msgspec.structs.replace(finding, accepted=accepted)


def has_a_target_of(baseline: Report, report: Report) -> bool:
    """Whether a database of the report is in the baseline: names may have changed since."""
    there = {one.target for one in baseline.results}
    return not report.results or any(one.target in there for one in report.results)
