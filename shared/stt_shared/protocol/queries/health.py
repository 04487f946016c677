"""The health of a coordinator for `stt doctor`: its store, clock, packs and consumers."""

from __future__ import annotations

from stt_shared.protocol.coordinators import CoordinatorInfo, StoreHealth
from stt_shared.protocol.messages import Instant, Value


class HealthPart(Value, frozen=True, kw_only=True):
    """A part of the coordinator that must make progress, and its last observation."""

    name: str  # nats, store, results
    is_well: bool
    seen: str


class HealthReply(Value, frozen=True, kw_only=True):
    """The health that only the coordinator knows; lists are empty if all is well."""

    now: Instant  # clock of the coordinator
    version: str
    parts: tuple[HealthPart, ...]
    store: StoreHealth = StoreHealth()
    troubles: tuple[str, ...] = ()  # missing features, and tasks that are being retried
    pack_source: str = ""  # source of packs; empty: the built-in checks
    pack_troubles: tuple[str, ...] = ()  # a failed fetch, a near expiry, bad checks
    checks: int = 0
    releases_as_of: str = ""  # date of the release data, e.g. 2026-11-23
    refused: dict[str, int] = {}  # messages rejected in the last 24 h, by code
    silent_after_s: float = 45.0  # a worker without a heartbeat for this time counts as down
    consumers: tuple[str, ...] = ()  # of results, and of jobs for each site and family with targets
    skews: dict[str, float] = {}  # seconds that the clock of a worker is behind, by worker
    clock: str | None = None  # in what the clocks disagree; empty: they agree; null: unknown
    offset_s: float | None = None  # clock of the coordinator ahead of that of the NATS server
    future: dict[str, int] = {}  # rows of the store with an instant in the future, by kind
    coordinator: CoordinatorInfo | None = None  # null: of a release before leases
    unserved: dict[str, int] = {}  # targets at sites where no worker is up, by site
    schema: str = "stt.control.health-reply/v1"
