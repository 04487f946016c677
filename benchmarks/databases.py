"""A look with seven questions against the bare driver doing the same, interleaved, on loopback.

Run: python -m benchmarks.databases [repeats]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pymongo
import pymysql

from stt_coordinator.embedded import mongodb, mysql, postgresql
from stt_coordinator.embedded.cache import MissingServerError
from stt_coordinator.embedded.process import Running
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.words import Family
from stt_worker.databases.mongodb import MongodbDatabase
from stt_worker.databases.mysql import MysqlDatabase
from stt_worker.databases.port import Database, Endpoint, Limits, Tls
from stt_worker.databases.postgresql import PostgresqlDatabase

REPEATS = 9
LOOKS = 20  # per repeat and side
PASSWORD = "benchmark"  # noqa: S105  # of servers that live for a minute

MYSQL = (
    "VERSION() AS v",
    "user, host, plugin FROM mysql.user",
    "COUNT(*) AS n FROM mysql.db",
    "@@port AS p",
    "CURRENT_USER() AS u",
    "schema_name FROM information_schema.schemata",
    "@@datadir AS d",
)
POSTGRESQL = (
    "version() AS v",
    "rolname, rolsuper, rolcanlogin FROM pg_roles",
    "count(*) AS n FROM pg_database",
    "name, setting FROM pg_settings LIMIT 20",
    "current_user AS u",
    "nspname FROM pg_namespace",
    "current_setting('server_version_num') AS n",
)
MONGODB: tuple[dict[str, Any], ...] = (
    {"buildInfo": 1},
    {"getCmdLineOpts": 1},
    {"hello": 1},
    {"connectionStatus": 1},
    {"usersInfo": 1},
    {"listDatabases": 1},
    {"hostInfo": 1},
)


@dataclass(frozen=True)
class Case:
    """One family: our look and the bare driver on the same server."""

    name: str
    server: Running
    database: Database
    questions: tuple[Question, ...]
    bare: Callable[[Running], Awaitable[object]]

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(
            family=Family(self.name if self.name != "mariadb" else "mysql"),
            port=self.server.port,
            user=self.server.user,
            password=PASSWORD,
            tls=Tls(mode="off"),
        )

    async def look(self) -> None:
        look = await self.database.look(self.endpoint, lambda _: self.questions, Limits())
        assert all(isinstance(answer, list) for answer in look.answers.values()), look  # noqa: S101


def _mysql_bare(server: Running) -> None:
    connection = pymysql.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=PASSWORD,
        ssl_disabled=True,
        cursorclass=pymysql.cursors.DictCursor,
    )
    with connection, connection.cursor() as cursor:
        for text in MYSQL:
            cursor.execute(f"SELECT {text}")
            cursor.fetchall()


async def mysql_bare(server: Running) -> None:
    """Seven queries in a thread, one hop."""
    await asyncio.to_thread(_mysql_bare, server)


async def postgresql_bare(server: Running) -> None:
    """Seven queries on one asynchronous connection."""
    connection = await psycopg.AsyncConnection.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=PASSWORD,
        dbname="postgres",
        sslmode="disable",
        autocommit=True,
    )
    async with connection, connection.cursor() as cursor:
        for text in POSTGRESQL:
            await cursor.execute(f"SELECT {text}".encode())
            await cursor.fetchall()


async def mongodb_bare(server: Running) -> None:
    """Seven commands on one client."""
    client: pymongo.AsyncMongoClient[dict[str, Any]] = pymongo.AsyncMongoClient(
        server.host,
        server.port,
        username=server.user,
        password=PASSWORD,
        directConnection=True,
    )
    async with client:
        for command in MONGODB:
            await client.admin.command(command)


def _sql(family: str, texts: tuple[str, ...]) -> tuple[Question, ...]:
    return tuple(Question(type=QueryType[f"{family}_SELECT"], text=text) for text in texts)


def _mongodb_questions() -> tuple[Question, ...]:
    fixed = {"buildInfo": QueryType.MONGODB_BUILDINFO}
    fixed["getCmdLineOpts"] = QueryType.MONGODB_GETCMDLINEOPTS
    names = [next(iter(command)) for command in MONGODB]
    return tuple(
        Question(type=fixed[name])
        if name in fixed
        else Question(type=QueryType.MONGODB_COMMAND, text=f'{{"{name}": 1}}')
        for name in names
    )


def _start_mongodb(folder: Path) -> Running:
    server = mongodb.start(folder, extra=["--auth"])
    with pymongo.MongoClient[dict[str, Any]](server.host, server.port) as client:
        client.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
    server.user = "root"
    return server


def cases(folder: Path) -> list[Case]:
    """A case per server that is at hand."""
    mysql_questions = _sql("MYSQL", MYSQL)
    makers: list[Callable[[], Case]] = [
        lambda: Case(
            "mariadb",
            mysql.start(mysql.find_mariadb(), folder / "mariadb", password=PASSWORD),
            MysqlDatabase(4),
            mysql_questions,
            mysql_bare,
        ),
        lambda: Case(
            "mysql",
            mysql.start(mysql.find_mysql(), folder / "mysql", password=PASSWORD),
            MysqlDatabase(4),
            mysql_questions,
            mysql_bare,
        ),
        lambda: Case(
            "postgresql",
            postgresql.start(folder / "postgresql", password=PASSWORD),
            PostgresqlDatabase(),
            _sql("POSTGRESQL", POSTGRESQL),
            postgresql_bare,
        ),
        lambda: Case(
            "mongodb",
            _start_mongodb(folder / "mongodb"),
            MongodbDatabase(),
            _mongodb_questions(),
            mongodb_bare,
        ),
    ]
    found: list[Case] = []
    for make in makers:
        try:
            found.append(make())
        except MissingServerError as error:
            print(f"left out: {error}")
    return found


async def per_look(step: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds of one step, over LOOKS of them."""
    started = time.perf_counter()
    for _ in range(LOOKS):
        await step()
    return (time.perf_counter() - started) * 1_000 / LOOKS


async def measure(case: Case, repeats: int) -> None:
    """Print the medians of both sides and of the ratio bare / ours (1 is as fast)."""

    async def bare() -> None:
        await case.bare(case.server)

    await case.look()
    await bare()
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(repeats):
        ours.append(await per_look(case.look))
        theirs.append(await per_look(bare))
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    print(
        f"{case.name:<11} look {statistics.median(ours):6.2f} ms"
        f"   bare driver {statistics.median(theirs):6.2f} ms"
        f"   ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    )
    await case.database.close()


def main() -> None:
    """Measure every family."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else REPEATS
    with tempfile.TemporaryDirectory(prefix="stt-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for case in cases(folder):
            try:
                asyncio.run(measure(case, repeats))
            finally:
                case.server.stop()


if __name__ == "__main__":
    main()
