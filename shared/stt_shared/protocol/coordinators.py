"""The coordinator that acts, and those that stand by."""

from __future__ import annotations

from stt_shared.protocol.messages import Instant, Value


class Standby(Value, frozen=True, kw_only=True):
    """A coordinator that waits; it announces itself every few seconds."""

    name: str
    host: str
    since: Instant  # when it began to wait
    obstacle: str = ""  # why it could not take over now; empty: nothing
    schema: str = "stt.standby/v1"


class CoordinatorInfo(Value, frozen=True, kw_only=True):
    """The coordinator that acts, and the standbys that it hears."""

    name: str
    host: str
    epoch: int  # rises whenever another coordinator begins to act
    since: Instant  # when it began to act
    store: str  # random id of its store
    fenced: bool = True  # false: nats-server is older than 2.11, and no standby is possible
    standbys: tuple[Standby, ...] = ()
