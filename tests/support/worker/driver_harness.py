"""An implementation of the database port in use, and what it must leave behind: nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stt_shared.checkfile.model import Question
from stt_shared.protocol.enums import Kind
from stt_worker.databases.port import (
    Answer,
    Database,
    Endpoint,
    Failure,
    Inspection,
    InspectionError,
    Limits,
)
from tests.support.worker.database_subjects import (
    Subject,
)

LIMITS = Limits(connect_s=20, statement_s=20, client_s=25, rows=100, bytes=100_000)


QUICK = Limits(connect_s=20, statement_s=0.5, client_s=20, rows=100, bytes=100_000)


SHORT = Limits(connect_s=0.4, statement_s=0.2, client_s=0.4)


TIMEOUT_S = 60.0  # an inspection that has not ended by then would never end


@dataclass(frozen=True)
class DriverHarness:
    """A subject in use."""

    subject: Subject
    database: Database

    async def ask(
        self, *questions: Question, endpoint: Endpoint | None = None, limits: Limits = LIMITS
    ) -> dict[Question, Answer]:
        inspection = await self.inspect(endpoint or self.subject.endpoint, questions, limits)
        return dict(inspection.answers)

    async def inspect(
        self, endpoint: Endpoint, questions: tuple[Question, ...], limits: Limits = LIMITS
    ) -> Inspection:
        async with asyncio.timeout(TIMEOUT_S):
            return await self.database.inspect(endpoint, lambda _: questions, limits)

    async def refusal(self, endpoint: Endpoint, limits: Limits = LIMITS) -> InspectionError:
        with pytest.raises(InspectionError) as caught:
            await self.inspect(endpoint, (), limits)
        assert self.subject.endpoint.password not in caught.value.reason
        return caught.value


async def harness_of(subject: Subject) -> AsyncIterator[DriverHarness]:
    database = subject.make()
    before = open_sockets()
    yield DriverHarness(subject, database)
    await database.close()
    await gone(before)


def open_sockets() -> set[str]:
    found: set[str] = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            found.add(str(link.readlink()))
    return {target for target in found if target.startswith("socket:")}


async def gone(before: set[str]) -> None:
    """Every socket and task that an inspection made ends by itself, soon."""
    async with asyncio.timeout(TIMEOUT_S):
        while open_sockets() - before or len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  # no event
            await asyncio.sleep(0.01)


def kind_of(answer: Answer) -> Kind | None:
    return answer.kind if isinstance(answer, Failure) else None
