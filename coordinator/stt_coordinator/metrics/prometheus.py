"""The metrics rendered for Prometheus, from one read of the store and the counters."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stt_coordinator.domain.breakdown import Breakdown
from stt_coordinator.domain.model import TargetRecord, WorkerRecord
from stt_coordinator.metrics.counters import Counters
from stt_coordinator.metrics.specs import SPECS
from stt_coordinator.store.port import Ledger
from stt_shared.distribution import installed_version
from stt_shared.protocol.control import PackStatus
from stt_shared.protocol.coordinators import CoordinatorInfo
from stt_shared.protocol.enums import Family, Severity
from stt_shared.protocol.messages import ControlState

MEDIA_TYPE = "text/plain; version=0.0.4"  # servers add the character set
# What the states of targets are called outwards.
STATES = {"checked": "checked", "unchecked": "unreachable", "never": "never"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that metrics are made of, as of one moment."""

    state: ControlState
    breakdown: Breakdown
    targets: tuple[TargetRecord, ...]
    workers: tuple[WorkerRecord, ...]
    pack: PackStatus | None
    counters: Counters
    is_held: bool = False  # because clocks disagree
    offset_s: float | None = None  # of our clock from that of the NATS server
    coordinator: CoordinatorInfo | None = None


def snapshot(
    ledger: Ledger,
    state: ControlState,
    pack: PackStatus | None,
    counters: Counters,
    coordinator: CoordinatorInfo | None = None,
) -> Snapshot:
    """The snapshot as of now."""
    return Snapshot(
        state=state,
        breakdown=ledger.counts.breakdown(),
        targets=tuple(row for row in ledger.fleet.all_targets() if not row.gone),
        workers=tuple(ledger.fleet.workers()),
        pack=pack,
        counters=counters,
        coordinator=coordinator,
    )


def render(found: Snapshot) -> bytes:
    """The metrics as Prometheus reads them: text of format 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(found))
    return generate_latest(registry)


def render_standby() -> bytes:
    """The metrics of a coordinator that stands by."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Standby())
    return generate_latest(registry)


class _Standby(Collector):
    def collect(self) -> Iterator[Metric]:
        """The version, and that it does not act."""
        yield _build_info()
        yield _gauge("stt_coordinator_acting", [((), 0)])


def _build_info() -> Metric:
    return _gauge("stt_build_info", [((installed_version(), platform.python_version()), 1)])


class _Collector(Collector):
    def __init__(self, found: Snapshot) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        """Every metric of the set that has a value."""
        found = self._found
        yield _build_info()
        acting = found.coordinator
        yield _gauge("stt_coordinator_acting", [((), 1)])
        yield _gauge("stt_coordinator_epoch", [((), acting.epoch if acting else 0)])
        yield _gauge("stt_standbys", [((), len(acting.standbys) if acting else 0)])
        yield _gauge("stt_enabled", [((), int(found.state.enabled))])
        yield _gauge("stt_clock_held", [((), int(found.is_held))])
        if found.offset_s is not None:
            yield _gauge("stt_clock_offset_seconds", [((), found.offset_s)])
        yield _gauge("stt_findings", _findings(found, found.breakdown.findings))
        yield _gauge("stt_findings_accepted", _findings(found, found.breakdown.accepted))
        yield _gauge("stt_databases", _databases(found.targets))
        pairs = found.breakdown.not_checked
        yield _gauge("stt_not_checked", (((k, f, s), n) for s, f, k, n in pairs))
        parts = found.breakdown.parts
        yield _gauge("stt_parts_not_checked", (((k, f, s), n) for s, f, k, n in parts))
        yield from _of_runs(found.targets)
        up = [worker.site for worker in found.workers if worker.state == "up"]
        sites = {row.site for row in found.targets} | set(up)
        yield _gauge("stt_workers", (((site,), up.count(site)) for site in sorted(sites)))
        yield from _of_pack(found.pack)
        yield from found.counters.collect()


Samples = Iterable[tuple[tuple[str, ...], float]]


def _gauge(name: str, samples: Samples) -> GaugeMetricFamily:
    spec = SPECS[name]
    family = GaugeMetricFamily(name, spec.help, labels=spec.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _places(targets: Iterable[TargetRecord]) -> list[tuple[Family, str]]:
    """Every engine and site that has a database."""
    return sorted({(row.family, row.site) for row in targets})


def _findings(found: Snapshot, tallies: Iterable[tuple[str, Family, Severity, int]]) -> Samples:
    """Zeros too: an alert ends when its number is 0, not when its series is gone."""
    numbers = {(s, f, site): 0 for f, site in _places(found.targets) for s in Severity}
    numbers |= {(s, f, site): n for site, f, s, n in tallies}
    return numbers.items()


def _databases(targets: Iterable[TargetRecord]) -> Samples:
    rows = tuple(targets)
    numbers = {(f, site, word): 0 for f, site in _places(rows) for word in STATES.values()}
    for row in rows:
        numbers[row.family, row.site, STATES[row.state]] += 1
    return numbers.items()


def _of_runs(targets: tuple[TargetRecord, ...]) -> Iterator[Metric]:
    sites: dict[str, list[TargetRecord]] = {}
    for row in targets:
        sites.setdefault(row.site, []).append(row)
    instants = (("start", attrgetter("last_started")), ("success", attrgetter("last_checked")))
    for what, of_row in instants:
        yield _gauge(
            f"stt_run_last_{what}_timestamp_seconds",
            [
                ((site,), max(at.timestamp() if at else 0.0 for at in map(of_row, rows)))
                for site, rows in sorted(sites.items())
            ],
        )


def _of_pack(pack: PackStatus | None) -> Iterator[Metric]:
    if pack is None:
        return
    yield _gauge("stt_check_pack_info", [((pack.name, str(pack.serial), pack.key), 1)])
    if pack.expires is not None:
        expires = pack.expires.timestamp()
        yield _gauge("stt_check_pack_expiry_timestamp_seconds", [((pack.name,), expires)])
