"""Asks every database of a server, one after another, within a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from stt_shared import clock
from stt_shared.checkfile.model import Question
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.messages import PartNotChecked
from stt_worker.databases.port import Answer, Failure, InspectionError, Limits, Row, Rows
from stt_worker.databases.postgresql.server import Line
from stt_worker.databases.postgresql.session import SQL

INVALID = -2  # datconnlimit of a database whose DROP was interrupted
# Databases that a provider keeps for itself and lets no customer in; elsewhere such a name would
# be a hiding place.
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
    """The rows of one question by database, and why other databases have none."""

    limits: Limits
    answer: dict[str, Rows] = field(default_factory=dict[str, Rows])
    failures: dict[str, Failure] = field(default_factory=dict[str, Failure])
    rows: int = 0
    bytes: int = 0
    given_up: Failure | None = None

    def add(self, database: str, found: Rows | Failure) -> None:
        """Keep the answer of a database if it fits in beside those before it."""
        if isinstance(found, Failure):
            self.failures[database] = found
            return
        if self.given_up is not None:
            return
        size = len(msgspec.json.encode(found))
        if self.rows + len(found) > self.limits.rows or self.bytes + size > self.limits.bytes:
            why = f"more than {self.limits.rows} rows or {self.limits.bytes} bytes of all databases"
            self.failures[database] = Failure(kind=Kind.TOO_LARGE, reason=why)
            return
        self.answer[database] = found
        self.rows += len(found)
        self.bytes += size

    def give_up(self) -> None:
        """Forget the rows: they are the most of those that do not fit together."""
        why = f"all answers together have more than {self.limits.bytes} bytes; this is the largest"
        self.given_up = Failure(kind=Kind.TOO_LARGE, reason=why)
        self.answer, self.bytes = {}, 0

    @property
    def result(self) -> Answer:
        """The rows by database; the first failure where no database has any."""
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


async def everywhere(
    line: Line, questions: Sequence[Question], provider: str, limits: Limits
) -> tuple[dict[Question, Answer], dict[Question, Parts]]:
    """The answers by database, and the databases that have none.

    All databases together get the time that one would have. Those that are dropped meanwhile are
    left out; template0, template1 and the provider's own are not asked.
    """
    seconds = limits.connect_s + limits.client_s * len(questions)
    deadline = clock.monotonic() + seconds
    collected = {question: _Collected(limits) for question in questions}
    listed = await _listed(line, provider)
    if isinstance(listed, Failure):
        return dict.fromkeys(questions, listed), {}
    home, gone = line.database, list[str]()
    for name in sorted(listed, key=lambda name: name != line.database):
        failure = _closed(listed[name])
        left = deadline - clock.monotonic()
        if failure is None and left <= 0:
            why = f"not reached within the {seconds:g} s for all databases"
            failure = Failure(kind=Kind.TIMEOUT, reason=why)
        if failure is None and name != line.database:
            failure = await _moved(line, name, _shortened(limits, left))
        if failure is None:
            await _ask(line, name, collected)
        elif failure.kind is Kind.CONFIG:
            gone.append(name)
        else:
            _fail(collected, name, failure)
    if gone:
        back = await _moved(line, home, limits)
        _confirm(gone, back or await _listed(line, provider), collected)
    answers = {question: one.result for question, one in collected.items()}
    return answers, {question: one.parts for question, one in collected.items() if one.parts}


async def _listed(line: Line, provider: str) -> dict[str, Row] | Failure:
    rows = await line.rows(SQL["databases"])
    if isinstance(rows, Failure):
        return rows
    kept = PROVIDERS_OWN.get(provider, frozenset())
    return {str(row["name"]): row for row in rows if row["name"] not in kept}


def _closed(row: Row) -> Failure | None:
    """Why there is no point in knocking at a database."""
    if row["places"] == INVALID:
        return Failure(kind=Kind.UNREACHABLE, reason="invalid: its DROP DATABASE was interrupted")
    if not row["open"]:
        why = "closed to every connection (ALLOW_CONNECTIONS false)"
        return Failure(kind=Kind.UNREACHABLE, reason=why)
    if not row["may_connect"]:
        return Failure(kind=Kind.NO_PRIVILEGE, reason="no CONNECT on the database")
    return None


def _shortened(limits: Limits, left: float) -> Limits:
    """Limits of one database that end when the time of all of them does."""
    return replace(
        limits, connect_s=min(limits.connect_s, left), client_s=min(limits.client_s, left)
    )


async def _moved(line: Line, name: str, limits: Limits) -> Failure | None:
    """Connect `line` to the database `name`, or say why not; `config`: there is none."""
    try:
        await line.open(name, limits)
    except InspectionError as error:
        return Failure(kind=error.kind, reason=error.reason)
    if line.database != name:
        why = f"connected to {line.database} in its place"
        return Failure(kind=Kind.SESSION, reason=why)
    return None


async def _ask(line: Line, name: str, collected: dict[Question, _Collected]) -> None:
    for question, one in collected.items():
        one.add(name, await line.answer(question))
        # A question that asks for much takes no answer from others.
        if sum(each.bytes for each in collected.values()) > one.limits.bytes:
            max(collected.values(), key=lambda each: each.bytes).give_up()


def _confirm(
    gone: Sequence[str], listed: dict[str, Row] | Failure, collected: dict[Question, _Collected]
) -> None:
    """Name what seemed to be dropped and is listed still: a login trigger can say anything."""
    for name in gone:
        if isinstance(listed, Failure) or name in listed:
            why = "it is listed, and says that it does not exist"
            _fail(collected, name, Failure(kind=Kind.SESSION, reason=why))


def _fail(collected: dict[Question, _Collected], name: str, failure: Failure) -> None:
    for one in collected.values():
        one.add(name, failure)
