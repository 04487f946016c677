"""The account of `stt grants` suffices on real servers, needs each grant, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from stt_coordinator.local.servers import mongodb as embedded_mongodb
from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from stt_shared.grants.statements import EACH_DATABASE, PASSWORD, Account, Product, Step, steps
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import CheckOutcome
from stt_worker.databases.port import Endpoint, Tls
from tests.servers.certificates import Certificates
from tests.servers.fixtures import server_or_reason
from tests.support.checks.real import CheckRunner, endpoint
from tests.support.checks.scenario import execute

OWN = "Least 1: password"
ACCOUNT = Account(user="stt_least", host="%")
CHECKS = list(builtin().checks.values())
UNDO = {
    Product.MYSQL: ["DROP USER IF EXISTS 'stt_least'@'%'"],
    Product.MARIADB: ["DROP USER IF EXISTS 'stt_least'@'%'"],
    Product.POSTGRESQL: [
        "DROP SCHEMA IF EXISTS stt CASCADE",
        "DROP OWNED BY stt_least",
        "DROP ROLE stt_least",
    ],
    Product.MONGODB: [
        'db.getSiblingDB("admin").runCommand({"dropUser": "stt_least"})',
        'db.getSiblingDB("admin").runCommand({"dropRole": "stt_leastView"})',
    ],
}
SERVERS = [
    ("mysql", Product.MYSQL),
    ("mariadb", Product.MARIADB),
    ("postgresql", Product.POSTGRESQL),
    ("postgresql15", Product.POSTGRESQL),
    ("guarded_mongodb", Product.MONGODB),
]
# What looking needs they hold against every account but the one that looks.
LENIENT_WITH_THEIR_OWN = {"mysql_system_schema_grants", "mysql_process_privilege"}
Outcomes = dict[str, CheckOutcome]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A server, its product, and how the monitoring account is made there."""

    server: Running
    product: Product
    ca: Path

    def made(self, without: str = "") -> Sequence[Step]:
        return [
            one
            for one in steps(self.product, CHECKS, ACCOUNT)
            if one.grant != without or not without
        ]

    def make(self, without: str = "") -> None:
        lines = [line for step in self.made(without) for line in step.statements]
        execute(self.server, self.product.family, [line.replace(PASSWORD, OWN) for line in lines])

    def undo(self) -> None:
        for line in UNDO[self.product]:
            try:
                execute(self.server, self.product.family, [line])
            except (psycopg.Error, OperationFailure):
                continue  # not there, because the grant that makes it was left out

    @property
    def where(self) -> Endpoint:
        mysql = self.product in {Product.MYSQL, Product.MARIADB}
        admin = endpoint(self.server, self.product.family)
        own = replace(admin, user=ACCOUNT.user, password=OWN)
        if not mysql:
            return own
        return replace(own, tls=Tls(mode="verify-ca", ca=str(self.ca)), server_public_key="")


@pytest.fixture(scope="module")
def guarded_mongodb(servers_folder: Path) -> Iterator[Running]:
    """MongoDB 6.0 with access control and an administrator."""

    def start() -> Running:
        binary = embedded_mongodb.find("mongodb-6.0")
        return embedded_mongodb.start(servers_folder / "guarded", binary=binary)

    running = server_or_reason("mongodb-6.0", start)
    with MongoClient[dict[str, object]](running.host, running.port) as client:
        client.admin.command("createUser", "boss", pwd="Boss 1: password", roles=["root"])
    running.command = [*running.command, "--auth"]
    running.restart()
    running.user, running.password = "boss", "Boss 1: password"
    yield running
    running.stop()


@pytest.fixture(params=SERVERS, ids=[name for name, _ in SERVERS])
def case(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[Case]:
    name, product = request.param
    one = Case(server=request.getfixturevalue(name), product=product, ca=certificates.ca)
    one.undo()
    yield one
    one.undo()


def verdicts(outcomes: Outcomes) -> dict[str, tuple[str, str]]:
    return {
        name: (str(one.outcome), str(one.kind))
        for name, one in outcomes.items()
        if name not in LENIENT_WITH_THEIR_OWN
    }


async def test_the_account_sees_what_the_administrator_sees(
    runner: CheckRunner, case: Case
) -> None:
    case.make()
    least = await runner.run_all(case.where)
    by_admin = replace(endpoint(case.server, case.product.family), tls=case.where.tls)
    admin = await runner.run_all(by_admin)
    broken = {name: one.reason for name, one in least.items() if one.outcome == "error"}
    assert broken == {}
    assert verdicts(least) == verdicts(admin)


async def test_a_missing_grant_is_named_by_each_check_that_needs_it_and_by_no_other(
    runner: CheckRunner, case: Case
) -> None:
    for step in case.made()[1:]:
        case.make(without=step.grant)
        with closed_database(case, step.grant):
            outcomes = await runner.run_all(case.where)
        case.undo()
        lacking = {name for name, one in outcomes.items() if lacks(one)}
        assert lacking == set(step.checks), step.grant
        for name in lacking:
            if step.grant == EACH_DATABASE:
                ((closed, _, why),) = parts(outcomes[name])
                assert (closed, why) == ("stt_closed", "no CONNECT privilege on the database")
            else:
                assert outcomes[name].outcome == "error"
                assert step.grant in outcomes[name].reason


def parts(outcome: CheckOutcome) -> list[tuple[str, str, str]]:
    return [(one.name, str(one.kind), one.reason) for one in outcome.parts_not_checked]


def lacks(outcome: CheckOutcome) -> bool:
    """Whether the check, or a database of its verdict, was not checked for want of a grant."""
    kinds = {str(outcome.kind), *(kind for _, kind, _ in parts(outcome))}
    return "no_privilege" in kinds


@contextmanager
def closed_database(case: Case, grant: str) -> Iterator[None]:
    """Where everybody may connect anyway, that grant shows on a database that is closed."""
    if grant != EACH_DATABASE:
        yield
        return
    closed = ["CREATE DATABASE stt_closed", "REVOKE CONNECT ON DATABASE stt_closed FROM PUBLIC"]
    execute(case.server, case.product.family, closed)
    try:
        yield
    finally:
        execute(case.server, case.product.family, ["DROP DATABASE stt_closed"])


REFUSED = r"(?i)denied|permission|not authorized|privilege|must be superuser"
WRITES = {
    Family.POSTGRESQL: [
        "CREATE SCHEMA x",
        "CREATE ROLE x",
        "ALTER SYSTEM SET ssl = off",
        "ALTER ROLE postgres NOLOGIN",
        "SELECT pg_reload_conf()",
    ],
    Family.MYSQL: [
        "CREATE DATABASE x",
        "CREATE USER x",
        "DELETE FROM mysql.user",
        "GRANT SELECT ON mysql.user TO 'stt_least'@'%'",
        "SET GLOBAL local_infile = ON",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SHUTDOWN",
    ],
    Family.MONGODB: [
        'db.getSiblingDB("app").runCommand({"insert": "things", "documents": [{"a": 1}]})',
        'db.getSiblingDB("admin").runCommand({"createUser": "x", "pwd": "x", "roles": []})',
        'db.getSiblingDB("admin").runCommand({"setParameter": 1, "logLevel": 1})',
        'db.getSiblingDB("admin").runCommand({"grantRolesToUser": "stt_least", "roles": ["root"]})',
    ],
}


def do_as(where: Endpoint, statement: str) -> None:
    """Execute one statement as the account at `where`, over TCP as a worker would."""
    if where.family is Family.MYSQL:
        options: dict[str, Any] = {"ssl": {"check_hostname": False}, "ssl_verify_cert": False}
        connection = pymysql.connect(
            host=where.host, port=where.port, user=where.user, password=where.password, **options
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
    elif where.family is Family.POSTGRESQL:
        words = f"host={where.host} port={where.port} user={where.user} dbname=postgres"
        # An account may always take back its own default: the rights have to be missing.
        own = "-c default_transaction_read_only=off"
        with psycopg.connect(words, password=where.password, options=own) as session:
            session.autocommit = True
            session.execute(statement.encode())
    else:
        running = Running(
            name="",
            command=(),
            directory=Path(),
            ready=lambda: None,
            port=where.port,
            user=where.user,
            password=where.password,
        )
        execute(running, where.family, [statement])


def test_the_account_cannot_write_anything(case: Case) -> None:
    case.make()
    for statement in WRITES[case.product.family]:
        with pytest.raises((psycopg.Error, pymysql.Error, OperationFailure), match=REFUSED):
            do_as(case.where, statement)
