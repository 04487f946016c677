"""How a coordinator itself is: its parts, its store, its clock, and who serves which site."""

from __future__ import annotations

from stt_shared.protocol.messages import Instant, Value


class HealthPart(Value, frozen=True, kw_only=True):
    """A part of the coordinator that has to make progress, and what was seen of it."""

    name: str  # nats, store, results
    is_well: bool
    seen: str


class StoreHealth(Value, frozen=True, kw_only=True):
    """The coordinator's store as its file shows it; sizes in bytes."""

    path: str
    integrity: str  # `ok`, or the first fault that SQLite's quick check found
    schema_version: int
    known_version: int  # the newest that this coordinator knows
    size: int
    log_size: int  # of the write-ahead log
    free: int  # room left on its file system


class HealthReply(Value, frozen=True, kw_only=True):
    """What `stt doctor` asks the coordinator."""

    now: Instant  # by the coordinator's clock
    version: str
    parts: tuple[HealthPart, ...]
    releases_as_of: str = ""  # the day of the release data
    store: StoreHealth | None = None
    unserved: dict[str, int] = {}  # sites without a worker that is up, and their targets
    schema: str = "stt.control.health-reply/v1"
