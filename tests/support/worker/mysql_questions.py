"""Questions to a real MySQL or MariaDB, and accounts to ask them with."""

from __future__ import annotations

import string
from typing import Any

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import Question
from stt_worker.databases.mysql.driver import MysqlDatabase
from stt_worker.databases.port import Answer, Endpoint, InspectionError, Limits
from tests.support.worker.database_subjects import admin_mysql, select

EVERYTHING = string.printable.strip() + " \u00e4\u20ac\u4e2d\U0001f600 "


BOTH = pytest.mark.parametrize("name", ["mariadb", "mysql"])


def make_user(server: Running, user: str, words: str, *, args: tuple[str, ...] = ()) -> None:
    with admin_mysql(server) as cursor:
        cursor.execute(f"DROP USER IF EXISTS {user}@localhost")
        cursor.execute(f"CREATE USER {user}@localhost {words}", args)


async def ask(
    database: MysqlDatabase, endpoint: Endpoint, *questions: Question
) -> dict[Question, Answer]:
    return dict((await database.inspect(endpoint, lambda _: questions, Limits())).answers)


async def rows(database: MysqlDatabase, endpoint: Endpoint, text: str) -> list[dict[str, Any]]:
    (answer,) = (await ask(database, endpoint, select(text))).values()
    assert isinstance(answer, list), answer
    return answer


async def refusal(database: MysqlDatabase, endpoint: Endpoint) -> InspectionError:
    with pytest.raises(InspectionError) as caught:
        await database.inspect(endpoint, lambda _: [], Limits())
    return caught.value
