"""The closed set of metrics, rendered for Prometheus from one look at the store."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from stt_coordinator.domain.breakdown import Breakdown
from stt_coordinator.domain.model import TargetRow, WorkerRow
from stt_coordinator.metrics.counters import BUCKETS_S, Meters
from stt_coordinator.store.port import Ledger
from stt_shared.distribution import installed_version
from stt_shared.protocol.control import PackStatus
from stt_shared.protocol.enums import Family, Outcome, Severity
from stt_shared.protocol.messages import ControlState

MEDIA_TYPE = "text/plain; version=0.0.4"  # servers add the character set
# What the states of targets are called outwards.
STATES = {"checked": "checked", "unchecked": "unreachable", "never": "never"}
COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
_BOUNDS = (*(f"{bound:g}" for bound in BUCKETS_S), "+Inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A metric as it is documented; `name` is that of its samples."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()


def _specs(*specs: Spec) -> dict[str, Spec]:
    return {spec.name: spec for spec in specs}


_WHERE = ("severity", "engine", "site")
SPECS = _specs(
    Spec(
        name="stt_build_info",
        kind=GAUGE,
        help="1; the versions of the coordinator and of its Python",
        labels=("version", "python"),
    ),
    Spec(name="stt_enabled", kind=GAUGE, help="1 if checks run, 0 if they are disabled"),
    Spec(
        name="stt_findings",
        kind=GAUGE,
        help="findings that are open and not accepted",
        labels=_WHERE,
    ),
    Spec(
        name="stt_findings_accepted",
        kind=GAUGE,
        help="findings that are open and accepted through an exception",
        labels=_WHERE,
    ),
    Spec(
        name="stt_databases",
        kind=GAUGE,
        help="databases by what the last run learned: checked, unreachable (nothing was learned, "
        "whatever the reason), never (not looked at yet)",
        labels=("engine", "site", "state"),
    ),
    Spec(
        name="stt_not_checked",
        kind=GAUGE,
        help="pairs of database and check that were not evaluated, by reason",
        labels=("reason", "engine", "site"),
    ),
    Spec(
        name="stt_parts_not_checked",
        kind=GAUGE,
        help="databases inside database services that a check left out, by reason",
        labels=("reason", "engine", "site"),
    ),
    Spec(
        name="stt_check_executions_total",
        kind=COUNTER,
        help="executions of checks taken in since the coordinator started: passed, failed, "
        "skipped, error",
        labels=("engine", "result"),
    ),
    Spec(
        name="stt_check_duration_seconds",
        kind=HISTOGRAM,
        help="how long executions of checks took on the worker",
        labels=("engine",),
    ),
    Spec(
        name="stt_run_last_start_timestamp_seconds",
        kind=GAUGE,
        help="when a database of the site was last looked at; 0 if never",
        labels=("site",),
    ),
    Spec(
        name="stt_run_last_success_timestamp_seconds",
        kind=GAUGE,
        help="when something was last learned of a database of the site; 0 if never",
        labels=("site",),
    ),
    Spec(
        name="stt_workers",
        kind=GAUGE,
        help="workers that announce themselves; 0 for a site that has databases and no worker",
        labels=("site",),
    ),
    Spec(
        name="stt_events_published_total",
        kind=COUNTER,
        help="messages for subscribers that NATS has stored since the coordinator started",
        labels=("kind",),
    ),
    Spec(
        name="stt_event_publish_failures_total",
        kind=COUNTER,
        help="tries to publish such a message that failed; it is tried again",
        labels=("kind",),
    ),
    Spec(
        name="stt_check_pack_info",
        kind=GAUGE,
        help="1; the pack in use where checks are not those of the installation",
        labels=("pack", "version", "key_id"),
    ),
    Spec(
        name="stt_check_pack_expiry_timestamp_seconds",
        kind=GAUGE,
        help="when workers begin to refuse the pack in use; missing where nobody signed it",
        labels=("pack",),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything metrics tell of, as of one moment."""

    state: ControlState
    breakdown: Breakdown
    targets: tuple[TargetRow, ...]
    workers: tuple[WorkerRow, ...]
    pack: PackStatus | None
    meters: Meters


def look(ledger: Ledger, state: ControlState, pack: PackStatus | None, meters: Meters) -> Look:
    """One look at the store."""
    return Look(
        state=state,
        breakdown=ledger.counts.breakdown(),
        targets=tuple(row for row in ledger.fleet.all_targets() if not row.gone),
        workers=tuple(ledger.fleet.workers()),
        pack=pack,
        meters=meters,
    )


def render(seen: Look) -> bytes:
    """The metrics as Prometheus reads them: text of format 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(seen))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, seen: Look) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        """Every metric of the set that has something to tell."""
        seen = self._seen
        versions = (installed_version(), platform.python_version())
        yield _gauge("stt_build_info", [(versions, 1)])
        yield _gauge("stt_enabled", [((), int(seen.state.enabled))])
        yield _gauge("stt_findings", _findings(seen, seen.breakdown.findings))
        yield _gauge("stt_findings_accepted", _findings(seen, seen.breakdown.accepted))
        yield _gauge("stt_databases", _databases(seen.targets))
        pairs = seen.breakdown.not_checked
        yield _gauge("stt_not_checked", (((k, f, s), n) for s, f, k, n in pairs))
        parts = seen.breakdown.parts
        yield _gauge("stt_parts_not_checked", (((k, f, s), n) for s, f, k, n in parts))
        yield from _of_runs(seen.targets)
        yield _gauge("stt_workers", _workers(seen))
        yield from _of_pack(seen.pack)
        yield from _of_meters(seen.meters)


Samples = Iterable[tuple[tuple[str, ...], float]]


def _gauge(name: str, samples: Samples) -> GaugeMetricFamily:
    spec = SPECS[name]
    family = GaugeMetricFamily(name, spec.help, labels=spec.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _counter(name: str, samples: Samples) -> CounterMetricFamily:
    spec = SPECS[name]
    family = CounterMetricFamily(name, spec.help, labels=spec.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _places(targets: Iterable[TargetRow]) -> list[tuple[Family, str]]:
    """Every engine and site that has a database."""
    return sorted({(row.family, row.site) for row in targets})


def _findings(seen: Look, tallies: Iterable[tuple[str, Family, Severity, int]]) -> Samples:
    """Zeros too: an alert ends when its number is 0, not when its series is gone."""
    numbers = {(s, f, site): 0 for f, site in _places(seen.targets) for s in Severity}
    numbers |= {(s, f, site): n for site, f, s, n in tallies}
    return numbers.items()


def _databases(targets: Iterable[TargetRow]) -> Samples:
    rows = tuple(targets)
    numbers = {(f, site, word): 0 for f, site in _places(rows) for word in STATES.values()}
    for row in rows:
        numbers[row.family, row.site, STATES[row.state]] += 1
    return numbers.items()


def _of_runs(targets: tuple[TargetRow, ...]) -> Iterator[Metric]:
    sites: dict[str, list[TargetRow]] = {}
    for row in targets:
        sites.setdefault(row.site, []).append(row)
    for what, field in (("start", "last_started"), ("success", "last_checked")):
        yield _gauge(
            f"stt_run_last_{what}_timestamp_seconds",
            [
                ((site,), max(_seconds(getattr(row, field)) for row in rows))
                for site, rows in sorted(sites.items())
            ],
        )


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _workers(seen: Look) -> Samples:
    up = [worker.site for worker in seen.workers if worker.state == "up"]
    sites = {row.site for row in seen.targets} | set(up)
    return [((site,), up.count(site)) for site in sorted(sites)]


def _of_pack(pack: PackStatus | None) -> Iterator[Metric]:
    if pack is None:
        return
    yield _gauge("stt_check_pack_info", [((pack.name, str(pack.serial), pack.key), 1)])
    if pack.expires is not None:
        expires = pack.expires.timestamp()
        yield _gauge("stt_check_pack_expiry_timestamp_seconds", [((pack.name,), expires)])


def _of_meters(meters: Meters) -> Iterator[Metric]:
    """Known kinds from zero on: a rate needs a first value."""
    families = sorted(meters.durations)
    executions = {(f, end): meters.executions[f, end] for f in families for end in Outcome}
    yield _counter("stt_check_executions_total", executions.items())
    spec = SPECS["stt_check_duration_seconds"]
    durations = HistogramMetricFamily(spec.name, spec.help, labels=spec.labels)
    for family in families:
        one = meters.durations[family]
        buckets = list(zip(_BOUNDS, map(float, accumulate(one.numbers)), strict=True))
        durations.add_metric((family,), buckets, one.total_s)
    yield durations
    kinds = sorted(meters.published.keys() | meters.failures.keys())
    yield _counter("stt_events_published_total", [((k,), meters.published[k]) for k in kinds])
    failures = [((k,), float(meters.failures[k])) for k in kinds]
    yield _counter("stt_event_publish_failures_total", failures)
