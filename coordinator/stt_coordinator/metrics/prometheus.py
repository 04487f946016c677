"""The metrics rendered for Prometheus, from one read of the store and the counters."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stt_coordinator.domain.model import WorkerRecord
from stt_coordinator.domain.summary import Tallies, TargetTally
from stt_coordinator.metrics.counters import Counters
from stt_coordinator.metrics.specs import SPECS
from stt_coordinator.store.port import Ledger
from stt_shared.distribution import installed_version
from stt_shared.protocol.control import PackStatus
from stt_shared.protocol.coordinators import CoordinatorInfo, StoreHealth
from stt_shared.protocol.enums import Family, Kind, Severity
from stt_shared.protocol.messages import ControlState

MEDIA_TYPE = "text/plain; version=0.0.4"  # servers add the character set
# What the states of targets are called outwards.
STATES = {"checked": "checked", "unchecked": "unreachable", "never": "never"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that metrics are made of, as of one moment."""

    state: ControlState
    tallies: Tallies
    workers: tuple[WorkerRecord, ...]
    pack: PackStatus | None
    counters: Counters
    is_held: bool = False  # because clocks disagree
    offset_s: float | None = None  # of our clock from that of the NATS server
    coordinator: CoordinatorInfo | None = None
    store: StoreHealth | None = None


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
        tallies=ledger.counts.tallies(),
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


def render_active(counters: Counters) -> bytes:
    """The metrics of an active coordinator that does not lead."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Active(counters))
    return generate_latest(registry)


class _Standby(Collector):
    def collect(self) -> Iterator[Metric]:
        """The version, and that it does nothing."""
        yield _build_info()
        yield _gauge("stt_coordinator_acting", [((), 0)])
        yield _gauge("stt_coordinator_active", [((), 0)])


class _Active(Collector):
    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        """The version, that it does not lead, and what it has counted itself."""
        yield _build_info()
        yield _gauge("stt_coordinator_acting", [((), 0)])
        yield _gauge("stt_coordinator_active", [((), 1)])
        yield from self._counters.collect()


def _build_info() -> Metric:
    return _gauge("stt_build_info", [((installed_version(), platform.python_version()), 1)])


class _Collector(Collector):
    def __init__(self, found: Snapshot) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        """Every metric of the set that has a value."""
        found = self._found
        yield _build_info()
        leader = found.coordinator
        others = leader.standbys if leader else ()
        yield _gauge("stt_coordinator_acting", [((), 1)])
        yield _gauge("stt_coordinator_active", [((), 1)])
        yield _gauge("stt_coordinator_epoch", [((), leader.epoch if leader else 0)])
        yield _gauge("stt_standbys", [((), sum(not one.active for one in others))])
        yield from _of_store(found.store)
        yield _gauge("stt_enabled", [((), int(found.state.enabled))])
        yield _gauge("stt_clock_held", [((), int(found.is_held))])
        if found.offset_s is not None:
            yield _gauge("stt_clock_offset_seconds", [((), found.offset_s)])
        tallies = found.tallies
        yield _gauge("stt_findings", _findings(tallies, tallies.findings))
        yield _gauge("stt_findings_accepted", _findings(tallies, tallies.accepted))
        yield _gauge("stt_databases", _databases(tallies))
        yield _gauge("stt_not_checked", _by_kind(tallies.not_checked()))
        yield _gauge("stt_parts_not_checked", _by_kind(tallies.parts))
        yield from _of_runs(tallies)
        up = [worker.site for worker in found.workers if worker.state == "up"]
        sites = {one.site for one in tallies.targets} | set(up)
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


def _places(tallies: Tallies) -> list[tuple[Family, str]]:
    """Every engine and site that has a database."""
    return sorted({(one.family, one.site) for one in tallies.targets})


def _findings(tallies: Tallies, rows: Iterable[tuple[str, Family, Severity, int]]) -> Samples:
    """Zeros too: an alert ends when its number is 0, not when its series is gone."""
    numbers = {(s, f, site): 0 for f, site in _places(tallies) for s in Severity}
    numbers |= {(s, f, site): n for site, f, s, n in rows}
    return numbers.items()


def _databases(tallies: Tallies) -> Samples:
    numbers = {(f, site, word): 0 for f, site in _places(tallies) for word in STATES.values()}
    for one in tallies.targets:
        numbers[one.family, one.site, STATES[one.state]] += one.number
    return numbers.items()


def _by_kind(rows: Iterable[tuple[str, Family, Kind, int]]) -> Samples:
    """One sample for each kind, family and site: outcomes of several sorts may share a kind."""
    numbers: Counter[tuple[str, ...]] = Counter()
    for site, family, kind, number in rows:
        numbers[kind, family, site] += number
    return numbers.items()


def _of_runs(tallies: Tallies) -> Iterator[Metric]:
    sites: dict[str, list[TargetTally]] = {}
    for one in tallies.targets:
        sites.setdefault(one.site, []).append(one)
    instants = (("start", attrgetter("last_started")), ("success", attrgetter("last_checked")))
    for what, of_row in instants:
        yield _gauge(
            f"stt_run_last_{what}_timestamp_seconds",
            [
                ((site,), max(at.timestamp() if at else 0.0 for at in map(of_row, rows)))
                for site, rows in sorted(sites.items())
            ],
        )


def _of_store(store: StoreHealth | None) -> Iterator[Metric]:
    if store is None:
        return
    yield _gauge("stt_store_info", [((store.kind, store.server), 1)])
    if store.size_bytes is not None:
        yield _gauge("stt_store_size_bytes", [((), store.size_bytes)])
    if store.risk or not store.fault:  # otherwise nobody knows
        yield _gauge("stt_store_durable", [((), int(not store.risk))])


def _of_pack(pack: PackStatus | None) -> Iterator[Metric]:
    if pack is None:
        return
    yield _gauge("stt_check_pack_info", [((pack.name, str(pack.serial), pack.key), 1)])
    if pack.expires is not None:
        expires = pack.expires.timestamp()
        yield _gauge("stt_check_pack_expiry_timestamp_seconds", [((pack.name,), expires)])
