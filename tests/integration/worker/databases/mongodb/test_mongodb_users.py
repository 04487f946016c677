"""Users and roles of MongoDB, read in slices where an answer would be too large."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bson import Binary
from pymongo import MongoClient

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.children.pool import ChildInspector
from stt_worker.databases.inspection import EncodedInspection, View
from stt_worker.databases.mongodb.driver import MongodbDatabase
from stt_worker.databases.mongodb.reach import MOST_NAMED
from stt_worker.databases.port import Answer, Failure, Limits
from tests.support.checks.mongods import mongod
from tests.support.checks.real import endpoint

USERS = 3_000
MANY = int(os.environ.get("STT_TEST_ACCOUNTS", "40000"))  # users in a worker's memory
WITHOUT_IDENTIFIER = 20
ROLES = 1_200
SMALL = 400_000  # bytes of an answer: half of what the list of users needs
WRITES = {"resource": {"db": "admin", "collection": "system.users"}, "actions": ["update"]}
TESTS = {"tests": {"writes": [WRITES]}, "databases": ["find"]}


@pytest.fixture(scope="module", params=["mongodb-4.4", "mongodb-6.0"])
def crowded(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[Running]:
    """Users with a role each, of which those with an even number may write users."""
    with (
        mongod(servers_folder / f"crowded-{request.param}", request.param) as running,
        MongoClient[dict[str, Any]](running.host, running.port) as client,
    ):
        admin = client.admin
        admin.command("createUser", "first", pwd="x", roles=[])
        template = admin["system.users"].find_one() or {}
        admin["system.users"].delete_many({})
        admin["system.roles"].insert_many([_role(number) for number in range(ROLES)])
        admin["system.users"].insert_many([_user(template, number) for number in range(USERS)])
        yield running


def _role(number: int) -> dict[str, Any]:
    wide = [WRITES] if number % 2 == 0 else []
    return {
        "_id": f"admin.r{number}",
        "role": f"r{number}",
        "db": "admin",
        "roles": [],
        "privileges": wide,
    }


def _user(template: dict[str, Any], number: int) -> dict[str, Any]:
    name = f"u{number:05}"
    made = {**template, "_id": f"shop.{name}", "user": name, "db": "shop"}
    made["userId"] = Binary(uuid.uuid4().bytes, 4)
    if number < WITHOUT_IDENTIFIER:
        del made["userId"]
    made["roles"] = [{"role": f"r{number % ROLES}", "db": "admin"}]
    return made


async def ask(server: Running, limits: Limits) -> Answer:
    question = Question(type=QueryType.MONGODB_USERS, text=json.dumps(TESTS))
    where = endpoint(server, Family.MONGODB)
    found = await MongodbDatabase().inspect(where, lambda _: [question], limits)
    return found.answers[question]


async def test_users_that_pass_the_limit_of_an_answer_are_all_counted(crowded: Running) -> None:
    rows = await ask(crowded, Limits(bytes=SMALL))
    assert isinstance(rows, list), rows
    totals = rows[0]
    assert (totals["users"], totals["roles"], totals["unlisted"]) == (USERS, ROLES, False)
    assert totals["count"] == {"writes": USERS // 2}
    assert totals["role_count"] == {"writes": ROLES // 2}


async def test_of_many_users_the_first_by_name_are_in_the_answer(crowded: Running) -> None:
    rows = await ask(crowded, Limits())
    assert isinstance(rows, list), rows
    named = [row["user"] for row in rows if row["kind"] == "user"]
    assert named == [f"u{number:05}" for number in range(0, 2 * MOST_NAMED, 2)]
    roles = [row for row in rows if row["kind"] == "role"]
    assert len(roles) == MOST_NAMED
    assert rows[1]["gains"][0]["roles"] == [{"role": "r0", "db": "admin", "builtin": False}]


async def test_an_answer_that_no_slice_makes_small_enough_is_too_large(crowded: Running) -> None:
    answer = await ask(crowded, Limits(bytes=2_000))
    assert isinstance(answer, Failure)
    assert answer.kind is Kind.TOO_LARGE


def test_a_worker_counts_many_users_within_its_memory(crowded: Running) -> None:
    question = Question(type=QueryType.MONGODB_USERS, text=json.dumps(TESTS))
    asked = View(question=question)
    with MongoClient[dict[str, Any]](crowded.host, crowded.port) as client:
        users = client.admin["system.users"]
        template = users.find_one() or {}
        users.insert_many([_user(template, number) for number in range(USERS, MANY)])

    async def inspect() -> EncodedInspection:
        inspector = ChildInspector(1, 1)
        try:
            where = endpoint(crowded, Family.MONGODB)
            return await inspector.inspect(where, lambda _: [asked], Limits())
        finally:
            await inspector.close()

    answer = asyncio.run(inspect()).answers[asked]
    assert isinstance(answer, bytes), answer
    totals = json.loads(answer)[0]
    assert totals["users"] == MANY
    assert totals["count"]["writes"] == MANY // 2
