"""Every implementation of the database port at hand, with what it takes to try it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pymysql

from stt_coordinator.local.servers import mysql as embedded_mysql
from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.enums import Family, Kind
from stt_shared.protocol.messages import Facts
from stt_worker.databases.memory import Canned, MemoryDatabase
from stt_worker.databases.mongodb.driver import MongodbDatabase
from stt_worker.databases.mysql.driver import MysqlDatabase
from stt_worker.databases.port import Database, Endpoint, Failure, Tls
from stt_worker.databases.postgresql.driver import PostgresqlDatabase
from tests.servers.mongo_commands import run_commands

OFF = Tls(mode="off")
LIMITED, LIMITED_PASSWORD = "stt_limited", "limited 'pass'"


def nothing() -> None:
    """A server that is used for nothing else keeps what it got."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One server seen through one implementation."""

    make: Callable[[], Database]
    endpoint: Endpoint
    limited: Endpoint  # an account that may not ask `secret`
    flavour: str
    version: tuple[int, ...]
    role: str
    good: Question
    bad: Question
    secret: Question
    many: Question  # more than 100 rows, or as large
    large: Question  # more than 100,000 bytes
    write: Question
    slow: Question | None = None
    remove: Callable[[], None] = nothing  # the account that its server got for it


def select(text: str, family: Family = Family.MYSQL) -> Question:
    return Question(type=QueryType[f"{family.upper()}_SELECT"], text=text)


def create_function(cursor: Any, text: str) -> None:
    """A function whose text does not promise that it reads alone, as binary logs want it."""
    cursor.execute("SET GLOBAL log_bin_trust_function_creators = ON")
    try:
        cursor.execute(f"CREATE FUNCTION {text}")
    finally:
        cursor.execute("SET GLOBAL log_bin_trust_function_creators = OFF")


def mysql_subject(server: Running, flavour: str, version: tuple[int, ...]) -> Subject:
    with admin_mysql(server) as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS stt_contract")
        cursor.execute("CREATE TABLE IF NOT EXISTS stt_contract.t (a int)")
        cursor.execute("DROP FUNCTION IF EXISTS stt_contract.writes")
        body = "RETURNS int BEGIN INSERT INTO stt_contract.t VALUES (1); RETURN 1; END"
        create_function(cursor, f"stt_contract.writes() {body}")
        cursor.execute(f"DROP USER IF EXISTS {LIMITED}@localhost")
        words = (LIMITED_PASSWORD,)
        cursor.execute(f"CREATE USER {LIMITED}@localhost IDENTIFIED BY %s", words)
    collations = "information_schema.collations"
    cross = ", ".join(f"{collations} {alias}" for alias in "abcde")
    endpoint = endpoint_of(server, Family.MYSQL)

    def remove() -> None:
        with admin_mysql(server) as cursor:
            cursor.execute(f"DROP USER {LIMITED}@localhost")

    return Subject(
        make=lambda: MysqlDatabase(2),
        endpoint=endpoint,
        limited=replace(endpoint, user=LIMITED, password=LIMITED_PASSWORD),
        flavour=flavour,
        version=version,
        role="",
        good=select("1 AS one"),
        bad=select("no_such_column"),
        secret=select("user FROM mysql.user"),
        many=select(f"id FROM {collations}"),
        large=select("REPEAT('x', 200000) AS x"),
        write=select("stt_contract.writes()"),
        slow=select(f"COUNT(*) AS n FROM {cross}"),
        remove=remove,
    )


def postgresql_subject(server: Running, version: tuple[int, ...]) -> Subject:
    with admin_postgresql(server) as connection:
        connection.execute("CREATE SEQUENCE IF NOT EXISTS stt_contract")
        connection.execute(f"DROP ROLE IF EXISTS {LIMITED}")
        words = LIMITED_PASSWORD.replace("'", "''")
        connection.execute(f"CREATE ROLE {LIMITED} LOGIN PASSWORD '{words}'".encode())
    endpoint = endpoint_of(server, Family.POSTGRESQL)

    def ask(text: str) -> Question:
        return select(text, Family.POSTGRESQL)

    def remove() -> None:
        with admin_postgresql(server) as connection:
            connection.execute(f"DROP ROLE {LIMITED}")

    series = ", ".join(f"pg_attribute {alias}" for alias in "abcde")
    return Subject(
        make=PostgresqlDatabase,
        endpoint=endpoint,
        limited=replace(endpoint, user=LIMITED, password=LIMITED_PASSWORD),
        flavour="postgresql",
        version=version,
        role="primary",
        good=ask("1 AS one"),
        bad=ask("no_such_column"),
        secret=ask("rolpassword FROM pg_authid"),
        many=ask("generate_series(1, 1000000) AS n"),
        large=ask("repeat('x', 200000) AS x"),
        write=ask("nextval('stt_contract')"),
        slow=ask(f"count(*) FROM {series}"),
        remove=remove,
    )


def command(text: str) -> Question:
    return Question(type=QueryType.MONGODB_COMMAND, text=text)


def mongodb_subject(server: Running, version: tuple[int, ...]) -> Subject:
    """`server` enforces log-in; its first account is made here."""
    password = "r\u00f6\u00f6t @:/?#[]'\"% \\"
    run_commands(server, {"createUser": "root", "pwd": password, "roles": ["root"]})
    server.user, server.password = "root", password
    run_commands(server, {"createUser": LIMITED, "pwd": LIMITED_PASSWORD, "roles": []})
    endpoint = endpoint_of(server, Family.MONGODB)
    return Subject(
        make=MongodbDatabase,
        endpoint=endpoint,
        limited=replace(endpoint, user=LIMITED, password=LIMITED_PASSWORD),
        flavour="mongodb",
        version=version,
        role="standalone",
        good=command('{"connectionStatus": 1}'),
        bad=Question(type=QueryType.MONGODB_REPLSETGETSTATUS),
        secret=Question(type=QueryType.MONGODB_GETCMDLINEOPTS),
        many=Question(type=QueryType.MONGODB_GETPARAMETER),
        large=Question(type=QueryType.MONGODB_GETPARAMETER),
        write=command('{"insert": "t", "documents": [{}]}'),
    )


def memory_subject() -> Subject:
    def ask(text: str) -> Question:
        return select(text)

    words = ("good", "bad", "secret", "many", "large", "write", "slow")
    q = {word: ask(word) for word in words}
    facts = Facts(flavour="mysql", version=(9, 7, 4), version_text="9.7.4", role="primary")
    no = {"bad": Kind.QUERY, "write": Kind.QUERY, "secret": Kind.NO_PRIVILEGE}
    server = Canned(
        facts=facts,
        answers={
            q["good"]: [{"one": 1}],
            q["many"]: [{"n": n} for n in range(200)],
            q["large"]: [{"x": "x" * 200_000}],
            **{q[word]: Failure(kind=kind, reason="canned") for word, kind in no.items()},
        },
        passwords={"root": "canned", LIMITED: LIMITED_PASSWORD},
        slow=frozenset({q["slow"]}),
    )
    endpoint = Endpoint(
        family=Family.MYSQL, host="canned", port=3306, user="root", password="canned", tls=OFF
    )
    return Subject(
        make=lambda: MemoryDatabase({"canned": server}),
        endpoint=endpoint,
        limited=replace(endpoint, user=LIMITED, password=LIMITED_PASSWORD),
        flavour="mysql",
        version=(9, 7, 4),
        role="primary",
        remove=nothing,
        **q,
    )


def endpoint_of(server: Running, family: Family) -> Endpoint:
    return Endpoint(
        family=family,
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        tls=OFF,
        server_public_key=embedded_mysql.public_key(server) if family is Family.MYSQL else "",
    )


def admin_mysql(server: Running) -> Any:
    """A cursor of root's, closed with its connection at the end of the block."""
    return _Closing(
        pymysql.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password.encode(),
            ssl_disabled=True,
            autocommit=True,
        )
    )


class _Closing:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __enter__(self) -> Any:
        return self._connection.cursor()

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def admin_postgresql(server: Running) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname="postgres",
        autocommit=True,
    )
