"""The record of the lease, as it is stored and shown."""

from __future__ import annotations

from stt_shared.protocol.messages import Instant, Value


class LeaseRecord(Value, frozen=True, kw_only=True):
    """Who holds the lease; after a clean stop `holder` is empty and the rest of the last one."""

    holder: str = ""
    name: str = ""
    host: str = ""
    store: str = ""
    folder: str = ""
    epoch: int = 0
    store_schema: int = 0  # number that its program has for the shared store; 0: of a file
    installation: str = ""  # random id, which a store that others share has as well
    since: Instant | None = None  # by the holder's clock; for people, nothing is decided by it
    schema: str = "stt.lease/v1"
