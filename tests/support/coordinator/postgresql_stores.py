"""PostgreSQL stores for tests: a database whose own order of texts is not the store's."""

from __future__ import annotations

import secrets
from urllib.parse import quote

import psycopg
from psycopg import errors

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.postgresql.store import PostgresqlStore, open_store

DATABASE = "stores"
# Sorts "a" before "B" and "é" before "f": what is not compared by code point shows.
# PostgreSQL has it from 15 on, and not in every build.
LOCALE = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"


def database(server: Running) -> str:
    """The URL of a database of that server, made once."""
    with psycopg.connect(url(server, "postgres"), autocommit=True) as connection:
        known = "SELECT FROM pg_database WHERE datname = %s"
        if connection.execute(known, (DATABASE,)).fetchone() is not None:
            return url(server, DATABASE)
        made = f"CREATE DATABASE {DATABASE} TEMPLATE template0"
        try:
            connection.execute(f"{made} {LOCALE}".encode())
        except (errors.FeatureNotSupported, errors.SyntaxError):
            connection.execute(made.encode())
    return url(server, DATABASE)


def drop(server: Running) -> None:
    """Drop that database of a server whose databases other tests count."""
    with psycopg.connect(url(server, "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)".encode())


def url(server: Running, name: str, user: str = "", password: str = "") -> str:
    """The URL of a database as the superuser, or as somebody else."""
    login = f"{user or server.user}:{quote(password or server.password, safe='')}"
    return f"postgresql://{login}@{server.host}:{server.port}/{name}"


def fresh_schema() -> str:
    """The name of a schema that is not there yet."""
    return f"stt_{secrets.token_hex(6)}"


async def fresh_store(server: Running) -> PostgresqlStore:
    """A store in a schema of its own."""
    return await open_store(database(server), fresh_schema())
