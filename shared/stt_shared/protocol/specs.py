"""The settings that streams and consumers have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

ACK_WAIT = timedelta(seconds=60)
MAX_UNACKED_JOBS = 1_024  # per site and family


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """The settings of a stream; a setting that the server does not echo is a missing feature."""

    name: str
    subjects: tuple[str, ...]
    retention: str = "limits"  # limits, workqueue
    discard: str = "new"  # new: a full stream rejects, the publisher keeps its copy
    max_age: timedelta = timedelta(0)  # zero: for ever
    max_bytes: int = -1
    max_msgs_per_subject: int = -1
    discard_new_per_subject: bool = False
    duplicate_window: timedelta = timedelta(minutes=2)
    allow_direct: bool = False
    allow_atomic: bool = False
    republish: tuple[str, str] | None = None  # from, to


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerSpec:
    """The settings of a durable pull consumer; only the coordinator creates it."""

    stream: str
    name: str
    filter_subject: str = ""
    ack_policy: str = "explicit"  # none: nothing is ever acknowledged
    ack_wait: timedelta = ACK_WAIT
    max_deliver: int = -1
    max_ack_pending: int = MAX_UNACKED_JOBS
