"""The port of a driver: a read-only inspection of one server over one connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from stt_shared.checkfile.model import Question
from stt_shared.protocol.enums import Family, Kind
from stt_shared.protocol.messages import Facts, PartNotChecked

CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 15.0
CLIENT_TIMEOUT_S = 20.0  # longer than STATEMENT_TIMEOUT_S, so that the server's error comes first
MAX_ROWS = 10_000  # per question
MAX_BYTES = 8 * 1024 * 1024  # per question, as JSON

Row = dict[str, Any]  # values: None, bool, int, float, str, list, dict
Rows = list[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How the connection is encrypted; the modes are libpq's. Hashable: a cache key."""

    mode: str = "verify-full"  # off, require, verify-ca, verify-full
    ca: str = ""  # paths of PEM files
    cert: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The address of a server and its log-in; never shown, logged or sent."""

    family: Family
    host: str = "127.0.0.1"
    port: int = 0
    socket: str = ""  # path of a Unix socket; host and port are ignored then
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""  # to connect to; for MongoDB the authentication source
    tls: Tls = Tls()
    application: str = "stt-worker"
    server_public_key: str = ""  # path of a MySQL server's RSA key, PEM; used without TLS only
    allow_public_key_retrieval: bool = False  # from an unverified server; without TLS only


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one inspection in seconds, rows and bytes."""

    connect_s: float = CONNECT_TIMEOUT_S
    statement_s: float = STATEMENT_TIMEOUT_S
    client_s: float = CLIENT_TIMEOUT_S
    rows: int = MAX_ROWS
    bytes: int = MAX_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a question has no answer, or a server could not be inspected."""

    kind: Kind
    reason: str


Answer = Rows | dict[str, Rows] | Failure  # by database for a question with `all_dbs`


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """The facts of a server and its answers."""

    facts: Facts
    answers: Mapping[Question, Answer]
    parts: Mapping[Question, tuple[PartNotChecked, ...]] = field(
        default_factory=dict[Question, tuple[PartNotChecked, ...]]
    )  # per question with `all_dbs` the databases that were not asked


class InspectionError(Exception):
    """The server could not be inspected: unreachable, auth, tls, timeout, session or config."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


Choose = Callable[[Facts], Sequence[Question]]


class Database(Protocol):
    """The driver of one family."""

    async def inspect(self, endpoint: Endpoint, choose: Choose, limits: Limits) -> Inspection:
        """Connect, read the facts, ask the distinct questions that `choose` returns, disconnect.

        Takes at most `connect_s`, plus `client_s` for each question, whatever the server does.
        Raises InspectionError; a question that fails has a Failure as its answer.
        """
        ...

    async def close(self) -> None:
        """Release threads and contexts."""
        ...
