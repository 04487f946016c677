"""The record of the lease, as it is stored and shown."""

from __future__ import annotations

from stt_shared.protocol.messages import Instant, Value

# An epoch that only NATS names, beyond what any number of take-overs reaches. The next ones still
# have names: a consumer of results and a fence with more than 18 digits name no epoch.
MAX_CLAIMED = 10**15


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


def claimed(epoch: int) -> int:
    """The epoch that a record or a fence names; 0 if no coordinator can have begun it.

    Whoever may write there may write anything: behind such an epoch the next one would fit in no
    store, and the coordinator that takes the lease would end, at each start.
    """
    return epoch if 0 < epoch <= MAX_CLAIMED else 0
