"""The leader with its store, and the other coordinators of the installation."""

from __future__ import annotations

from stt_shared.protocol.messages import Instant, Value


class Standby(Value, frozen=True, kw_only=True):
    """A coordinator that does not lead; it announces itself every few seconds.

    `active`: it takes in results and answers, as the leader does. `changes` rises with what it
    commits, so that the leader looks at the store at once. `instance` tells two of one name apart.
    """

    name: str
    host: str
    instance: str = ""
    since: Instant  # when it began to wait
    obstacle: str = ""  # why it could not take over now; empty: nothing
    active: bool = False
    changes: int = 0
    schema: str = "stt.standby/v1"


class CoordinatorInfo(Value, frozen=True, kw_only=True):
    """The leader, and the other coordinators that are heard."""

    name: str
    host: str
    epoch: int  # rises whenever another coordinator begins to lead
    since: Instant  # when it began to lead
    store: str  # random id of its store
    fenced: bool = True  # false: nats-server is older than 2.11, and no standby is possible
    standbys: tuple[Standby, ...] = ()


class StoreHealth(Value, frozen=True, kw_only=True):
    """The store as its coordinator sees it; null: unknown, or of another kind of store."""

    kind: str = ""  # sqlite, postgresql, memory; empty: of a release before
    server: str = ""  # version of SQLite or PostgreSQL; empty: unknown
    path: str = ""  # of the file, or the address without log-in; empty: in memory
    sound: bool | None = None  # result of the integrity check; null: see `fault`
    fault: str = ""  # the damage, or why it is unknown
    looked: Instant | None = None  # time of the integrity check
    version: int | None = None  # of the schema in the file
    knows: int = 0  # schema version that the program needs
    size_bytes: int | None = None
    wal_bytes: int | None = None  # of the write-ahead log beside it
    free_bytes: int | None = None  # on its disk, for the coordinator's user
    open_to_others: bool | None = None  # whether other users may read its folder
    backup: Instant | None = None  # the last `stt store backup`; null: unknown
    synchronous_commit: str = ""  # PostgreSQL: as the coordinator's sessions have it
    standbys: int | None = None  # PostgreSQL: servers that follow this one
    synchronous_standbys: int | None = None  # those of them that a commit waits for
    risk: str = ""  # how a confirmed result can be lost; empty: no way is known
