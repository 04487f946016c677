"""Asks every database of a server, one after another, within a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec

from stt_shared import clock
from stt_shared.checkfile.model import Question
from stt_shared.protocol.words import Kind
from stt_worker.databases.bounds import too_many_bytes, too_many_rows
from stt_worker.databases.port import Answer, Failure, Limits, LookError, Rows
from stt_worker.databases.postgresql_line import Line
from stt_worker.databases.postgresql_session import SQL

MAX_NAMES = 5  # of closed databases, in a reason


@dataclass(slots=True)
class _Collected:
    """The rows of one question by database, or why it has no answer."""

    limits: Limits
    answer: dict[str, Rows] = field(default_factory=dict[str, Rows])
    failure: Failure | None = None
    rows: int = 0
    bytes: int = 0

    def add(self, database: str, found: Rows | Failure) -> None:
        if isinstance(found, Failure):
            self.failure = Failure(kind=found.kind, reason=f"database {database}: {found.reason}")
            return
        self.answer[database] = found
        self.rows += len(found)
        self.bytes += len(msgspec.json.encode(found))
        if self.rows > self.limits.rows:
            self.failure = too_many_rows(self.limits)
        elif self.bytes > self.limits.bytes:
            self.failure = too_many_bytes(self.limits)


async def everywhere(
    line: Line, questions: Sequence[Question], present: str, limits: Limits
) -> dict[Question, Answer]:
    """The answers by database; `present` is the database that `line` is connected to.

    All databases together get the time that one would have; those that are dropped meanwhile
    are left out.
    """
    seconds = limits.connect_s + limits.client_s * len(questions)
    deadline = clock.monotonic() + seconds
    collected = {question: _Collected(limits) for question in questions}
    listed = await line.rows(SQL["databases"])
    if isinstance(listed, Failure):
        return dict.fromkeys(questions, listed)
    if closed := [str(row["name"]) for row in listed if not row["may_connect"]]:
        return dict.fromkeys(questions, _not_let_in(closed))
    names = sorted((str(row["name"]) for row in listed), key=lambda name: name != present)
    for done, name in enumerate(names):
        left = deadline - clock.monotonic()
        if left <= 0:
            why = f"{done} of {len(names)} databases within {seconds:g} s"
            _fail(collected, Failure(kind=Kind.TIMEOUT, reason=why))
            break
        if name == present or await _moved(line, name, _shortened(limits, left), collected):
            await _ask(line, name, collected)
    return {question: one.failure or one.answer for question, one in collected.items()}


def _not_let_in(names: Sequence[str]) -> Failure:
    """What is in a database that stays closed cannot be judged, so nothing is."""
    shown = ", ".join(names[:MAX_NAMES])
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    why = f"no CONNECT on the database {shown}{more}"
    return Failure(kind=Kind.NO_PRIVILEGE, reason=why)


def _shortened(limits: Limits, left: float) -> Limits:
    """Limits of one database that end when the time of all of them does."""
    return replace(
        limits, connect_s=min(limits.connect_s, left), client_s=min(limits.client_s, left)
    )


async def _moved(
    line: Line, name: str, limits: Limits, collected: dict[Question, _Collected]
) -> bool:
    """Whether `line` is now connected to the database `name`."""
    try:
        await line.open(name, limits)
    except LookError as error:
        if error.kind is not Kind.CONFIG:  # config: dropped since it was listed
            why = f"database {name}: {error.reason}"
            _fail(collected, Failure(kind=error.kind, reason=why))
        return False
    return True


async def _ask(line: Line, name: str, collected: dict[Question, _Collected]) -> None:
    for question, one in collected.items():
        if one.failure is None:
            one.add(name, await line.answer(question))


def _fail(collected: dict[Question, _Collected], failure: Failure) -> None:
    for one in collected.values():
        one.failure = one.failure or failure
