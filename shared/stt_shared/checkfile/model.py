"""The model of a check: its queries, their guards, and the script that evaluates the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stt_shared.protocol.enums import Family, Interval


class QueryType(StrEnum):
    """The type of a query, named as in files of PMM."""

    MYSQL_SHOW = "MYSQL_SHOW"
    MYSQL_SELECT = "MYSQL_SELECT"
    POSTGRESQL_SHOW = "POSTGRESQL_SHOW"
    POSTGRESQL_SELECT = "POSTGRESQL_SELECT"
    MONGODB_BUILDINFO = "MONGODB_BUILDINFO"
    MONGODB_GETPARAMETER = "MONGODB_GETPARAMETER"
    MONGODB_GETCMDLINEOPTS = "MONGODB_GETCMDLINEOPTS"
    MONGODB_REPLSETGETSTATUS = "MONGODB_REPLSETGETSTATUS"
    MONGODB_GETDIAGNOSTICDATA = "MONGODB_GETDIAGNOSTICDATA"
    MONGODB_COMMAND = "MONGODB_COMMAND"
    MONGODB_USERS = "MONGODB_USERS"
    METRICS_INSTANT = "METRICS_INSTANT"
    METRICS_RANGE = "METRICS_RANGE"
    CLICKHOUSE_SELECT = "CLICKHOUSE_SELECT"


UNSUPPORTED = frozenset(
    {QueryType.METRICS_INSTANT, QueryType.METRICS_RANGE, QueryType.CLICKHOUSE_SELECT}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The facts that a guard compares: a flavour and a numeric version."""

    flavour: str
    version: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Guard:
    """A parsed `when`; `text` is the source, guard.holds() evaluates it."""

    text: str
    tree: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query; equal values of `what` are sent once per job.

    `text` is the part after SHOW or SELECT, or for MONGODB_COMMAND and MONGODB_USERS the document
    as JSON.
    The script never gets the values of `secret` columns (of documents: dotted paths).
    """

    type: QueryType
    text: str = ""
    all_dbs: bool = False
    name: str = ""
    when: Guard | None = None
    secret: tuple[str, ...] = ()

    @property
    def what(self) -> Question:
        """The query without name and guard."""
        return Question(type=self.type, text=self.text, all_dbs=self.all_dbs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is sent to a server; hashable, so that a job sends each once."""

    type: QueryType
    text: str = ""
    all_dbs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check; `digest` is the SHA-256 of its canonical content."""

    name: str
    version: int  # of the format: 1 or 2
    family: Family
    summary: str
    description: str
    script: str
    queries: tuple[Query, ...]
    digest: str
    interval: Interval = Interval.STANDARD
    category: str = ""
    aliases: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    privileges: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    remediation: str = ""
    ours: bool = True  # False: of a PMM pack, whose arrays stay texts
    part_ends: tuple[int, ...] = ()  # where in the script its parts end, in characters
