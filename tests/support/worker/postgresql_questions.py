"""Questions to a real PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Answer, Endpoint, InspectionError, Limits
from stt_worker.databases.postgresql.driver import PostgresqlDatabase
from tests.support.worker.database_subjects import endpoint_of


def select(text: str, *, all_dbs: bool = False) -> Question:
    return Question(type=QueryType.POSTGRESQL_SELECT, text=text, all_dbs=all_dbs)


def at(server: Running) -> Endpoint:
    return endpoint_of(server, Family.POSTGRESQL)


async def ask(
    endpoint: Endpoint, *questions: Question, limits: Limits | None = None
) -> dict[Question, Answer]:
    database = PostgresqlDatabase()
    return dict((await database.inspect(endpoint, lambda _: questions, limits or Limits())).answers)


async def rows(endpoint: Endpoint, text: str) -> list[dict[str, Any]]:
    (answer,) = (await ask(endpoint, select(text))).values()
    assert isinstance(answer, list), answer
    return answer


async def refusal(endpoint: Endpoint) -> InspectionError:
    with pytest.raises(InspectionError) as caught:
        await PostgresqlDatabase().inspect(endpoint, lambda _: [], Limits())
    return caught.value
