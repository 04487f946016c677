"""The library's questions asked by the bare drivers, as a good user of each would write it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import psycopg
import pymongo
import pymysql
from psycopg.rows import dict_row
from pymongo.errors import OperationFailure

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import QueryType, Question

ADMIN_COMMANDS: dict[QueryType, dict[str, Any]] = {
    QueryType.MONGODB_BUILDINFO: {"buildInfo": 1},
    QueryType.MONGODB_GETPARAMETER: {"getParameter": "*"},
    QueryType.MONGODB_GETCMDLINEOPTS: {"getCmdLineOpts": 1},
    QueryType.MONGODB_REPLSETGETSTATUS: {"replSetGetStatus": 1},
    QueryType.MONGODB_GETDIAGNOSTICDATA: {"getDiagnosticData": 1},
}
DATABASES = "SELECT datname FROM pg_database WHERE datallowconn AND datname !~ '^template[01]$'"


def statement(question: Question) -> str:
    """The SQL of a question."""
    if question.type is QueryType.POSTGRESQL_SHOW:
        return "SHOW ALL"
    return f"{question.type.rpartition('_')[2]} {question.text}"


async def mysql(server: Running, questions: Sequence[Question]) -> int:
    """A connection of PyMySQL in a thread; how many questions had an answer."""
    return await asyncio.to_thread(_mysql, server, questions)


def _mysql(server: Running, questions: Sequence[Question]) -> int:
    connection = pymysql.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        ssl_disabled=True,
        cursorclass=pymysql.cursors.DictCursor,
    )
    answered = 0
    with connection, connection.cursor() as cursor:
        for question in questions:
            try:
                cursor.execute(statement(question))
                cursor.fetchall()
            except pymysql.Error:
                continue
            answered += 1
    return answered


async def postgresql(server: Running, questions: Sequence[Question]) -> int:
    """An asynchronous connection of psycopg for each database; questions that had an answer."""
    every = [one for one in questions if one.all_dbs]
    connection = await _connected(server, "postgres")
    async with connection:
        answered = await _answers(connection, questions)
        found = await (await connection.execute(DATABASES)).fetchall() if every else []
    for (name,) in found:
        if name != "postgres":
            async with await _connected(server, name) as other:
                await _answers(other, every)
    return answered


async def _connected(server: Running, database: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=database,
        sslmode="disable",
        autocommit=True,
    )


async def _answers(connection: psycopg.AsyncConnection[Any], questions: Sequence[Question]) -> int:
    answered = 0
    async with connection.cursor(row_factory=dict_row) as cursor:
        for question in questions:
            try:
                await cursor.execute(statement(question).encode())
                await cursor.fetchall()
            except psycopg.Error:
                continue
            answered += 1
    return answered


async def mongodb(server: Running, questions: Sequence[Question]) -> int:
    """A client of pymongo; how many commands had an answer."""
    client: pymongo.AsyncMongoClient[dict[str, Any]] = pymongo.AsyncMongoClient(
        server.host,
        server.port,
        username=server.user,
        password=server.password,
        directConnection=True,
    )
    answered = 0
    async with client:
        for question in questions:
            try:
                await client.admin.command(_command(question))
            except OperationFailure:
                continue
            answered += 1
    return answered


def _command(question: Question) -> dict[str, Any]:
    known = ADMIN_COMMANDS.get(question.type)
    return dict(known) if known is not None else dict(json.loads(question.text))
