"""Asks questions in every database of a server, one after another, within a time limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from stt_shared import clock
from stt_shared.checkfile.model import Question
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.messages import PartNotChecked
from stt_worker.databases.port import Answer, Failure, InspectionError, Limits, Row, Rows
from stt_worker.databases.postgresql.server import ServerConnection
from stt_worker.databases.postgresql.session import SQL

INVALID = -2  # datconnlimit of a database whose DROP was interrupted
# Databases of the provider, closed to customers. By provider: on other servers such a name could
# hide a database from the checks.
PROVIDERS_OWN: Mapping[str, frozenset[str]] = {
    "rds": frozenset({"rdsadmin"}),
    "aurora": frozenset({"rdsadmin"}),
    "cloudsql": frozenset({"cloudsqladmin"}),
    "azure": frozenset({"azure_maintenance", "azure_sys"}),
    "alloydb": frozenset({"alloydbadmin"}),
}
Parts = tuple[PartNotChecked, ...]


@dataclass(slots=True)
class _Collected:
    """The rows of one question by database, and the failures of the other databases."""

    limits: Limits
    answer: dict[str, Rows] = field(default_factory=dict[str, Rows])
    failures: dict[str, Failure] = field(default_factory=dict[str, Failure])
    rows: int = 0
    bytes: int = 0
    given_up: Failure | None = None

    def add(self, database: str, found: Rows | Failure) -> None:
        """Keep the answer of a database if the limits allow it beside the earlier answers."""
        if isinstance(found, Failure):
            self.failures[database] = found
            return
        if self.given_up is not None:
            return
        size = len(msgspec.json.encode(found))
        if self.rows + len(found) > self.limits.rows or self.bytes + size > self.limits.bytes:
            why = f"more than {self.limits.rows} rows or {self.limits.bytes} bytes in all databases"
            self.failures[database] = Failure(kind=Kind.TOO_LARGE, reason=why)
            return
        self.answer[database] = found
        self.rows += len(found)
        self.bytes += size

    def give_up(self) -> None:
        """Drop the rows of this question, the largest of those that together exceed the limit."""
        why = f"all answers together have more than {self.limits.bytes} bytes; this is the largest"
        self.given_up = Failure(kind=Kind.TOO_LARGE, reason=why)
        self.answer, self.bytes = {}, 0

    @property
    def result(self) -> Answer:
        """The rows by database; the first failure if no database has rows."""
        if self.given_up is not None:
            return self.given_up
        if self.answer or not self.failures:
            return self.answer
        database, failure = next(iter(self.failures.items()))
        return replace(failure, reason=f"database {database}: {failure.reason}")

    @property
    def parts(self) -> Parts:
        """The databases that were not checked, by name."""
        return tuple(
            PartNotChecked(name=name, kind=one.kind, reason=one.reason)
            for name, one in sorted(self.failures.items())
        )


async def ask_all_databases(
    server: ServerConnection, questions: Sequence[Question], provider: str, limits: Limits
) -> tuple[dict[Question, Answer], dict[Question, Parts]]:
    """The answers by database, and the databases without an answer.

    All databases share the time limit of one. A database that is dropped meanwhile is left out;
    template0, template1 and the provider's own are not asked.
    """
    seconds = limits.connect_s + limits.client_s * len(questions)
    deadline = clock.monotonic() + seconds
    collected = {question: _Collected(limits) for question in questions}
    listed = await _listed(server, provider)
    if isinstance(listed, Failure):
        return dict.fromkeys(questions, listed), {}
    home, gone = server.database, list[str]()
    for name in sorted(listed, key=lambda name: name != server.database):
        failure = _closed(listed[name])
        left = deadline - clock.monotonic()
        if failure is None and left <= 0:
            why = f"not reached within the {seconds:g} s for all databases"
            failure = Failure(kind=Kind.TIMEOUT, reason=why)
        if failure is None and name != server.database:
            # Cut to the time that is left: one silent database must not take that of all others.
            connect_s, client_s = min(limits.connect_s, left), min(limits.client_s, left)
            shortened = replace(limits, connect_s=connect_s, client_s=client_s)
            failure = await _moved(server, name, shortened)
        if failure is None:
            for question, one in collected.items():
                one.add(name, await server.answer(question))
                # Here, not after all questions: the limit is for memory, and must hold any time.
                if sum(each.bytes for each in collected.values()) > limits.bytes:
                    max(collected.values(), key=lambda each: each.bytes).give_up()
        elif failure.kind is Kind.CONFIG:
            gone.append(name)
        else:
            _fail(collected, name, failure)
    if gone:
        back = await _moved(server, home, limits)
        _confirm(gone, back or await _listed(server, provider), collected)
    answers = {question: one.result for question, one in collected.items()}
    return answers, {question: one.parts for question, one in collected.items() if one.parts}


async def _listed(server: ServerConnection, provider: str) -> dict[str, Row] | Failure:
    rows = await server.rows(SQL["databases"])
    if isinstance(rows, Failure):
        return rows
    kept = PROVIDERS_OWN.get(provider, frozenset())
    return {str(row["name"]): row for row in rows if row["name"] not in kept}


def _closed(row: Row) -> Failure | None:
    """Why a connection to the database would fail, if it is known."""
    if row["places"] == INVALID:
        return Failure(kind=Kind.UNREACHABLE, reason="invalid: an interrupted DROP DATABASE")
    if not row["open"]:
        why = "closed to every connection (ALLOW_CONNECTIONS false)"
        return Failure(kind=Kind.UNREACHABLE, reason=why)
    if not row["may_connect"]:
        return Failure(kind=Kind.NO_PRIVILEGE, reason="no CONNECT privilege on the database")
    return None


async def _moved(server: ServerConnection, name: str, limits: Limits) -> Failure | None:
    """Connect to the database `name`; the reason if not (`config`: it does not exist)."""
    try:
        await server.open(name, limits)
    except InspectionError as error:
        return Failure(kind=error.kind, reason=error.reason)
    if server.database != name:
        why = f"connected to {server.database} instead"
        return Failure(kind=Kind.SESSION, reason=why)
    return None


def _confirm(
    gone: Sequence[str], listed: dict[str, Row] | Failure, collected: dict[Question, _Collected]
) -> None:
    """Report databases that claimed not to exist but are still listed.

    A login trigger can raise that error to hide a database from the checks.
    """
    for name in gone:
        if isinstance(listed, Failure) or name in listed:
            why = "it is listed, but the server reports that it does not exist"
            _fail(collected, name, Failure(kind=Kind.SESSION, reason=why))


def _fail(collected: dict[Question, _Collected], name: str, failure: Failure) -> None:
    for one in collected.values():
        one.add(name, failure)
