"""The values that go into and come out of the message bus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to store, if the last sequence of its subject is `expected_last` (0: none).

    With `expected_of` the sequence is that of the last message on these subjects (wildcards
    allowed) of the same stream, which only a bus that `can_fence` compares.
    """

    subject: str
    data: bytes
    message_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    expected_last: int | None = None
    expected_of: str = ""


class Publication(StrEnum):
    """The result of publishing a message."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # a message with this id is stored already: counts as stored
    OCCUPIED = "occupied"  # the subject holds its maximum of messages
    CONFLICT = "conflict"  # the last sequence is not the expected one
    FAILED = "failed"  # unknown: try again with the same message id


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The result of one Outgoing; `sequence` is 0 unless stored or duplicate."""

    publication: Publication
    sequence: int = 0
    reason: str = ""
    limit: int = 0  # bytes of a message with its headers, if it failed because it has more


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message that a consumer delivered; `lease` is the handle of the adapter."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    sequence: int
    delivered: int  # 1 on the first delivery
    lease: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A message that is stored in a stream."""

    data: bytes
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMessage:
    """A message received by a listener; it is not necessarily stored.

    `account` is the sender's where the server names it, else empty.
    """

    subject: str
    data: bytes
    account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to a service; `account` is the sender's where the server names it, else empty."""

    data: bytes
    account: str = ""


class RequestError(Exception):
    """A service answered with an error: a stable code and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class NoReplyError(Exception):
    """The request is not for this process, which sends no reply: another one answers it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The connected server; None and 0: unknown to the client."""

    host: str
    encrypted: bool | None = None
    certificate_ends: datetime | None = None
    max_payload: int = 0  # bytes
