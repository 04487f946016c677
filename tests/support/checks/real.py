"""One check of the library on a real server, and the statements that set and mend states."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pymysql
import pymysql.cursors

from stt_coordinator.local.servers import mysql as embedded_mysql
from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import Check
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import CheckOutcome, CheckRef, Job
from stt_worker.databases.inspection import DirectInspector
from stt_worker.databases.mongodb.driver import MongodbDatabase
from stt_worker.databases.mysql.driver import MysqlDatabase
from stt_worker.databases.port import Database, Endpoint, Tls
from stt_worker.databases.postgresql.driver import PostgresqlDatabase
from stt_worker.execution.job import CheckDependencies, execute
from stt_worker.sandbox.starlark import StarlarkSandbox

DRIVERS: dict[Family, type[PostgresqlDatabase | MongodbDatabase]] = {
    Family.POSTGRESQL: PostgresqlDatabase,
    Family.MONGODB: MongodbDatabase,
}


def endpoint(server: Running, family: Family) -> Endpoint:
    """How the server's administrator logs in."""
    return Endpoint(
        family=family,
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        database="postgres" if family is Family.POSTGRESQL else "",
        tls=Tls(mode="off"),
        server_public_key=embedded_mysql.public_key(server) if family is Family.MYSQL else "",
    )


def encrypted(server: Running, ca: str = "") -> Endpoint:
    """The same over TLS; verified by `ca`, or the CA that the server was started with."""
    started = [one.partition("=")[2] for one in server.command if one.startswith("--ssl-ca=")]
    known = ca or next(iter(started), "")
    tls = Tls(mode="verify-ca", ca=known) if known else Tls(mode="require")
    return replace(endpoint(server, Family.MYSQL), tls=tls, server_public_key="")


class CheckRunner:
    """Runs single checks with the real driver and the real sandbox."""

    def __init__(self) -> None:
        self.sandbox = StarlarkSandbox()
        self.databases: dict[Family, Database] = {
            Family.MYSQL: MysqlDatabase(2),
            **{family: driver() for family, driver in DRIVERS.items()},
        }

    async def run(self, name: str, where: Endpoint) -> CheckOutcome:
        return (await self.run_all(where, [name]))[name]

    async def run_all(
        self, where: Endpoint, names: Iterable[str] | None = None
    ) -> dict[str, CheckOutcome]:
        """The checks of that name, or all of the family, in one job as a worker runs them."""
        chosen = builtin().of(where.family)
        if names is not None:
            chosen = tuple(builtin().checks[name] for name in names)
        inspector = DirectInspector(self.databases[where.family])
        dependencies = CheckDependencies(
            inspector=inspector, catalogue=builtin(), sandbox=self.sandbox
        )

        async def endpoint_of() -> Endpoint:
            return where

        _, outcomes = await execute(_job(chosen, where), endpoint_of, dependencies, now=_now())
        return {outcome.check: outcome for outcome in outcomes}

    async def objects(self, name: str, where: Endpoint) -> dict[str | None, str]:
        """The objects found by a check, with their severities; an error is an assertion."""
        outcome = await self.run(name, where)
        assert outcome.outcome in {"passed", "failed"}, outcome
        return {finding.object: str(finding.severity) for finding in outcome.findings}

    async def close(self) -> None:
        await self.sandbox.close()
        for database in self.databases.values():
            await database.close()


@asynccontextmanager
async def open_check_runner() -> AsyncIterator[CheckRunner]:
    runner = CheckRunner()
    try:
        yield runner
    finally:
        await runner.close()


def _now() -> Any:
    return clock.now()


def _job(checks: Iterable[Check], where: Endpoint) -> Job:
    now = clock.now()
    return Job(
        job_id="r.t",
        run_id="r",
        dispatch=1,
        target="t",
        family=where.family,
        site="s",
        checks=tuple(CheckRef(check=one.name, digest=one.digest) for one in checks),
        created=now,
        expires=now + timedelta(hours=1),
    )


def as_root(server: Running, **options: Any) -> Any:
    """A connection of PyMySQL as root, which `with` closes."""
    return pymysql.connect(
        unix_socket=server.socket or None,
        user=server.user,
        password=server.password,
        # Else each connection reads the certificates of the machine: 20 ms of a core.
        ssl_disabled=bool(server.socket),
        **options,
    )


def mysql_do(server: Running, statements: Iterable[str]) -> None:
    """Execute statements as root."""
    with as_root(server) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def mysql_state(server: Running, make: Sequence[str], undo: Sequence[str]) -> Iterator[None]:
    """A state of the server for the length of a test; renamed accounts go with it."""
    known = accounts(server)
    mysql_do(server, make)
    try:
        yield
    finally:
        mysql_do(server, undo)
        mysql_do(server, [f"DROP USER {one}" for one in sorted(accounts(server) - known)])


def accounts(server: Running) -> set[str]:
    """All accounts of a MySQL or MariaDB server, as statements name them; not MariaDB's roles."""
    with as_root(server) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT CONCAT(QUOTE(User), '@', QUOTE(Host)) FROM mysql.user WHERE Host <> ''"
        )
        return {str(name) for (name,) in cursor.fetchall()}


def postgresql_do(server: Running, statements: Iterable[str]) -> None:
    """Execute statements as the bootstrap superuser, each for itself."""
    with psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def postgresql_state(server: Running, make: Sequence[str], undo: Sequence[str]) -> Iterator[None]:
    """A state of the server for the length of a test."""
    postgresql_do(server, make)
    try:
        yield
    finally:
        postgresql_do(server, undo)
