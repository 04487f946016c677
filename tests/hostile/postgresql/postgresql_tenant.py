"""What a tenant of a PostgreSQL server may put in our way: operators and functions of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import psycopg

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from stt_shared.grants.statements import PASSWORD, Account, Product, steps
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint
from tests.support.checks.real import endpoint

RAN = "the code of a tenant ran"
LEAST = "stt_least"
LEAST_PASSWORD = "Least 1: password"
MISSING = (
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedObject,
)
DATABASE = "stt_tenant"
# What the code of a tenant does wherever it runs.
RUNS = """
CREATE FUNCTION {schema}.ran() RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
  BEGIN
    COPY (SELECT 1) TO PROGRAM 'touch {marker}';
  EXCEPTION WHEN OTHERS THEN NULL;
  END;
  RAISE EXCEPTION '{ran}';
END $body$;
"""
# Every operator and function of the server once more in a schema of the tenant's, and operators
# for pairs of types that the server has none for: those are better matches than its own.
SHADOW = (
    RUNS
    + """
GRANT ALL ON SCHEMA {schema} TO PUBLIC;
DO $do$
DECLARE one record; place int := 0;
BEGIN
  FOR one IN
    SELECT oprname AS name, format_type(oprleft, NULL) AS a, format_type(oprright, NULL) AS b,
           format_type(oprresult, NULL) AS result
      FROM pg_operator JOIN pg_type l ON l.oid = oprleft JOIN pg_type r ON r.oid = oprright
     WHERE oprkind = 'b' AND oprnamespace = 11 AND l.typtype <> 'p' AND r.typtype <> 'p'
       AND oprcode <> 0
    UNION
    SELECT name, a, b, 'boolean'
      FROM unnest(ARRAY['=', '<>', '<', '>', '~', '!~', '~*', '!~*']) name,
           unnest(ARRAY['name', 'text', 'oid', 'regclass', '"char"', 'integer', 'bigint',
                        'boolean', 'inet', 'aclitem', 'regtype']) a,
           unnest(ARRAY['name', 'text', 'oid', 'regclass', '"char"', 'integer', 'bigint',
                        'boolean', 'inet', 'aclitem', 'regtype']) b
  LOOP
    place := place + 1;
    BEGIN
      EXECUTE format('CREATE FUNCTION {schema}.op_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS '
        '''BEGIN PERFORM {schema}.ran(); END''', place, one.a, one.b, one.result);
      EXECUTE format('CREATE OPERATOR {schema}.%s (LEFTARG = %s, RIGHTARG = %s, '
        'PROCEDURE = {schema}.op_%s)', one.name, one.a, one.b, place);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  FOR one IN
    SELECT proname AS name, pg_get_function_identity_arguments(p.oid) AS arguments,
           format_type(prorettype, NULL) AS result, proretset AS many
      FROM pg_proc p JOIN pg_type t ON t.oid = prorettype
     WHERE pronamespace = 11 AND prokind = 'f' AND t.typtype <> 'p'
       AND NOT EXISTS (SELECT FROM unnest(proargtypes::oid[]) a JOIN pg_type ON pg_type.oid = a
                        WHERE typtype = 'p')
  LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION {schema}.%I(%s) RETURNS %s LANGUAGE plpgsql AS '
        '''BEGIN PERFORM {schema}.ran(); END''', one.name, one.arguments, one.result);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
END $do$;
"""
)

# The server compares an oid with a number by a cast: this one it would not have to cast for.
BETTER_MATCH = [
    (
        "CREATE FUNCTION pg_catalog.same(oid, integer) RETURNS boolean LANGUAGE plpgsql"
        " AS 'BEGIN PERFORM pg_catalog.ran(); END'"
    ),
    (
        "CREATE OPERATOR pg_catalog.= (LEFTARG = oid, RIGHTARG = integer,"
        " PROCEDURE = pg_catalog.same)"
    ),
]


def do(server: Running, statements: Iterable[str], database: str = "postgres") -> None:
    """Execute statements as the superuser, each for itself, whatever a tenant set for it."""
    with session(server, database) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def session(server: Running, database: str) -> psycopg.Connection[Any]:
    """A session of the superuser that no tenant can bend."""
    return psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=database,
        autocommit=True,
        options="-c search_path=pg_catalog",
    )


@contextmanager
def shadowed(server: Running) -> Iterator[str]:
    """A database in which a tenant has shadowed the whole server, and the file its code touches."""
    marker = str(server.directory / "ran")
    do(server, [f"DROP DATABASE IF EXISTS {DATABASE}", f"CREATE DATABASE {DATABASE}"])
    try:
        do(server, ["CREATE SCHEMA s", "GRANT CREATE ON SCHEMA public TO PUBLIC"], DATABASE)
        for schema in ("s", "public"):
            shadow = SHADOW.format(schema=schema, marker=marker, ran=RAN)
            do(server, [shadow], DATABASE)
        yield marker
    finally:
        do(server, [f"DROP DATABASE IF EXISTS {DATABASE} (FORCE)"])


@contextmanager
def in_pg_catalog(server: Running) -> Iterator[str]:
    """A database whose pg_catalog a tenant was allowed to fill; the file its code touches."""
    marker = str(server.directory / "ran")
    make = [f"DROP DATABASE IF EXISTS {DATABASE}", f"CREATE DATABASE {DATABASE}"]
    do(server, [*make, "CREATE ROLE stt_filler"])
    try:
        give = ["GRANT CREATE, USAGE ON SCHEMA pg_catalog TO stt_filler", "SET ROLE stt_filler"]
        runs = RUNS.format(schema="pg_catalog", marker=marker, ran=RAN)
        do(server, [*give, runs, *BETTER_MATCH], DATABASE)
        yield marker
    finally:
        do(server, [f"DROP DATABASE IF EXISTS {DATABASE} (FORCE)", "DROP ROLE stt_filler"])


@contextmanager
def least_account(server: Running) -> Iterator[Endpoint]:
    """The account that `stt grants` prints."""
    made = steps(Product.POSTGRESQL, list(builtin().checks.values()), Account(user=LEAST))
    undo = [f"DROP OWNED BY {LEAST}", f"DROP ROLE {LEAST}", "DROP SCHEMA IF EXISTS stt CASCADE"]
    lines = [line.replace(PASSWORD, LEAST_PASSWORD) for step in made for line in step.statements]
    for line in lines:
        with suppress(*MISSING):  # of a newer release
            do(server, [line])
    try:
        admin = endpoint(server, Family.POSTGRESQL)
        yield replace(admin, user=LEAST, password=LEAST_PASSWORD)
    finally:
        do(server, undo)


@contextmanager
def databases(server: Running, *names: str) -> Iterator[None]:
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    do(server, [f"DROP DATABASE IF EXISTS {quoted(name)}" for name in names])
    do(server, [f"CREATE DATABASE {quoted(name)}" for name in names])
    try:
        yield
    finally:
        clear = (
            "UPDATE pg_database SET datistemplate = false, datconnlimit = -1, datallowconn = true"
        )
        do(server, [f"{clear} WHERE datname NOT IN ('template0', 'template1')"])
        do(server, [f"DROP DATABASE IF EXISTS {quoted(name)} (FORCE)" for name in names])
