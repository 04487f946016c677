"""What a coordinator says of its own state when `stt doctor` asks: its store, clock and checks."""

from __future__ import annotations

from stt_shared.protocol.messages import Instant, Value


class HealthPart(Value, frozen=True, kw_only=True):
    """A part of the coordinator that has to make progress, and what was seen of it."""

    name: str  # nats, store, results
    is_well: bool
    seen: str


class StoreHealth(Value, frozen=True, kw_only=True):
    """The store's file as its coordinator sees it; null is what could not be told."""

    path: str = ""  # empty: kept in memory
    sound: bool | None = None  # whether every page can be read and fits; null: see `fault`
    fault: str = ""  # what is damaged, or why it cannot be told
    looked: Instant | None = None  # when that was looked at
    version: int | None = None  # of the schema in the file
    knows: int = 0  # the version that the program needs
    size_bytes: int | None = None
    wal_bytes: int | None = None  # of the write-ahead log beside it
    free_bytes: int | None = None  # on its disk, for the coordinator's user
    open_to_others: bool | None = None  # whether other users may read its folder
    backup: Instant | None = None  # the last `stt store backup`; null: none is known of


class HealthReply(Value, frozen=True, kw_only=True):
    """What only the coordinator can tell of its health; lists are empty where all is well."""

    now: Instant  # by its own clock
    version: str
    parts: tuple[HealthPart, ...]
    store: StoreHealth = StoreHealth()
    troubles: tuple[str, ...] = ()  # what it cannot do, and tasks that are being tried again
    pack_source: str = ""  # where packs come from; empty: the checks of the installation
    pack_troubles: tuple[str, ...] = ()  # a fetch that failed, an end that is near, bad checks
    checks: int = 0
    releases_as_of: str = ""  # date of the release data, as 2026-11-23
    refused: dict[str, int] = {}  # messages that were not taken in, by code
    silent_after_s: float = 45.0  # without an announcement a worker counts as down
    consumers: tuple[str, ...] = ()  # of jobs: one for each site and family with targets
    skews: dict[str, float] = {}  # seconds that a worker's clock is behind, by worker
    unserved: dict[str, int] = {}  # targets at sites where no worker is up, by site
    schema: str = "stt.control.health-reply/v1"
