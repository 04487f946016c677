"""MongoDB: every role of a member of a replica set, asked itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pymongo
import pytest

from stt_coordinator.local.servers import mongodb as embedded_mongodb
from stt_coordinator.local.servers.process import Running, free_port
from stt_shared import clock
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.mongodb.driver import MongodbDatabase
from stt_worker.databases.port import Endpoint, InspectionError, Limits, Tls
from tests.servers.fixtures import serving
from tests.support.worker.database_subjects import command

PASSWORD = "throw-away"
READY_S = 60.0
NAMES = ("mongodb-6.0", "mongodb-5.0", "mongodb-4.4")
ROLES = ("primary", "secondary", "arbiter")
Client = pymongo.MongoClient[dict[str, Any]]


@pytest.fixture
async def database() -> AsyncIterator[MongodbDatabase]:
    made = MongodbDatabase()
    yield made
    await made.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


class ReplicaSet:
    """A primary, secondaries and an arbiter with a key file, each on its own port."""

    def __init__(self, folder: Path, name: str, roles: tuple[str, ...]) -> None:
        self.folder, self.name, self.roles = folder, name, roles
        self.ports = [free_port() for _ in roles]
        self.key = folder / "key"
        self.key.write_text("k" * 64, encoding="utf-8")
        self.key.chmod(0o600)

    def start(self, index: int) -> Running:
        return embedded_mongodb.start(
            self.folder / str(index),
            binary=embedded_mongodb.find(self.name),
            port=self.ports[index],
            replica_set="rs",
            extra=["--keyFile", str(self.key), "--oplogSize", "16"],
        )

    def initiate(self) -> None:
        extra: dict[str, dict[str, Any]]
        extra = {"primary": {}, "secondary": {"priority": 0}, "arbiter": {"arbiterOnly": True}}
        members = [
            {"_id": index, "host": f"127.0.0.1:{port}", **extra[role]}
            for index, (port, role) in enumerate(zip(self.ports, self.roles, strict=True))
        ]
        quick = {"electionTimeoutMillis": 1_000, "heartbeatIntervalMillis": 100}
        config = {"_id": "rs", "members": members, "settings": quick}
        with Client("127.0.0.1", self.ports[0], directConnection=True) as client:
            client.admin.command("replSetInitiate", config)
            deadline = clock.monotonic() + READY_S
            while not client.admin.command("hello")["isWritablePrimary"]:
                assert clock.monotonic() < deadline
                time.sleep(0.05)
            one = {"w": 1}
            client.admin.command(
                "createUser", "root", pwd=PASSWORD, roles=["root"], writeConcern=one
            )

    def endpoint(self, index: int) -> Endpoint:
        return Endpoint(
            family=Family.MONGODB,
            port=self.ports[index],
            user="root",
            password=PASSWORD,
            tls=Tls(mode="off"),
        )


@pytest.fixture(scope="module", params=NAMES)
def replica_set(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[ReplicaSet]:
    name: str = request.param
    folder = servers_folder / f"{name}-replica-set"
    folder.mkdir()
    made = ReplicaSet(folder, name, ROLES)
    with ExitStack() as stack:
        for index in range(len(made.roles)):
            member = stack.enter_context(serving(name, partial(made.start, index)))
            stack.callback(member.kill)  # in order, each would wait 15 s for the others
        made.initiate()
        yield made


async def test_the_member_that_was_asked_is_the_one_that_answers(
    replica_set: ReplicaSet, database: MongodbDatabase
) -> None:
    for index, role in enumerate(replica_set.roles):
        await answers_itself(replica_set, database, index, role)


async def answers_itself(
    replica_set: ReplicaSet, database: MongodbDatabase, index: int, role: str
) -> None:
    async with asyncio.timeout(READY_S):
        while True:  # the secondary copies the data, and with it the account, first
            try:
                inspection = await database.inspect(
                    replica_set.endpoint(index), lambda _: [command('{"hello": 1}')], Limits()
                )
            except InspectionError as error:
                assert error.kind is Kind.AUTH, error.reason  # noqa: PT017  # only that may be
                await asyncio.sleep(0.1)
                continue
            if inspection.facts.role == role:
                break
            await asyncio.sleep(0.1)
    (answer,) = inspection.answers.values()
    assert isinstance(answer, list)
    assert answer[0]["me"] == f"127.0.0.1:{replica_set.ports[index]}"
    assert ".".join(map(str, inspection.facts.version)) == inspection.facts.version_text


async def test_a_secondary_tells_its_users_as_the_primary_does(
    replica_set: ReplicaSet, database: MongodbDatabase
) -> None:
    users = command('{"usersInfo": {"forAllDBs": true}}')
    await answers_itself(replica_set, database, ROLES.index("secondary"), "secondary")
    for role in ("primary", "secondary"):
        endpoint = replica_set.endpoint(ROLES.index(role))
        (answer,) = (await database.inspect(endpoint, lambda _: [users], Limits())).answers.values()
        assert isinstance(answer, list), (role, answer)
        assert [one["user"] for one in answer[0]["users"]] == ["root"]


async def test_a_wrong_password_is_auth_on_members_that_have_accounts(
    replica_set: ReplicaSet, database: MongodbDatabase
) -> None:
    wrong = replace(replica_set.endpoint(0), password="wrong")
    with pytest.raises(InspectionError) as caught:
        await database.inspect(wrong, lambda _: [], Limits())
    assert caught.value.kind is Kind.AUTH
