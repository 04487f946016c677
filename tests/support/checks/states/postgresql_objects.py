"""Objects of PostgreSQL's databases and settings of its server that give too much away."""

from __future__ import annotations

from tests.support.checks.scenario import State

BOTH = ("postgresql", "postgresql15")
RELOAD = "SELECT pg_reload_conf()"


def reset(*names: str) -> list[str]:
    """Statements that take values out of postgresql.auto.conf."""
    return [*(f"ALTER SYSTEM RESET {name}" for name in names), RELOAD]


DEFINERS = [
    "CREATE SCHEMA app",
    "GRANT USAGE ON SCHEMA app TO PUBLIC",
    "CREATE TYPE app.\"Mood s\" AS ENUM ('fine')",
    (
        'CREATE FUNCTION app.evil(int[], VARIADIC app."Mood s"[], OUT x int)'
        " LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'"
    ),
    (
        "CREATE PROCEDURE app.work(INOUT x int, y text DEFAULT 'a')"
        " LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'"
    ),
    (
        "CREATE FUNCTION app.fired() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        " AS 'BEGIN RETURN NEW; END'"
    ),
    "REVOKE EXECUTE ON FUNCTION app.fired() FROM PUBLIC",
    (
        "CREATE FUNCTION app.temporary() RETURNS int LANGUAGE sql SECURITY DEFINER"
        " SET search_path = pg_catalog, \"$user\" AS 'SELECT 1'"
    ),
    (
        "CREATE FUNCTION app.unmade() RETURNS int LANGUAGE sql SECURITY DEFINER"
        " SET search_path = app, \"made later\", pg_temp AS 'SELECT 1'"
    ),
    (
        "CREATE FUNCTION app.empty() RETURNS int LANGUAGE sql SECURITY DEFINER"
        " SET search_path = '' AS 'SELECT 1'"
    ),
    (
        "CREATE FUNCTION app.sound() RETURNS int LANGUAGE sql SECURITY DEFINER"
        " SET search_path = app, pg_temp AS 'SELECT 1'"
    ),
    "CREATE FUNCTION app.shut() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
    "REVOKE EXECUTE ON FUNCTION app.shut() FROM PUBLIC",
    (
        "CREATE FUNCTION app.parsed() RETURNS int LANGUAGE sql SECURITY DEFINER"
        " BEGIN ATOMIC SELECT 1; END"
    ),
]
NO_DEFINERS = ["DROP SCHEMA app CASCADE"]
STATES = [
    State(
        check="postgresql_unsafe_settings",
        name="left_on_for_the_server",
        on=BOTH,
        make=[
            "ALTER SYSTEM SET zero_damaged_pages = on",
            "ALTER SYSTEM SET ignore_checksum_failure = on",
            "ALTER SYSTEM SET allow_system_table_mods = on",
            "ALTER SYSTEM SET full_page_writes = off",
            "ALTER SYSTEM SET ignore_system_indexes = on",
            "ALTER SYSTEM SET jit_debugging_support = on",
            RELOAD,
        ],
        undo=reset(
            "zero_damaged_pages",
            "ignore_checksum_failure",
            "allow_system_table_mods",
            "full_page_writes",
            "ignore_system_indexes",
            "jit_debugging_support",
        ),
        finds={
            "zero_damaged_pages": "major",
            "ignore_checksum_failure": "major",
            "allow_system_table_mods": "major",
            "full_page_writes": "major",
            "ignore_system_indexes": "major",
            "jit_debugging_support": "major",
        },
    ),
    State(
        check="postgresql_unsafe_settings",
        name="left_on_for_a_role_and_a_database",
        on=BOTH,
        make=[
            'CREATE ROLE "re pair" LOGIN',
            'ALTER ROLE "re pair" SET zero_damaged_pages = yes',
            "ALTER DATABASE template1 SET session_replication_role = replica",
        ],
        undo=['DROP ROLE "re pair"', "ALTER DATABASE template1 RESET session_replication_role"],
        finds={
            'zero_damaged_pages for role "re pair"': "major",
            'session_replication_role in database "template1"': "major",
        },
    ),
    State(
        check="postgresql_log_connections",
        name="nothing_is_logged_by_default",
        on=BOTH,
        make=[],
        undo=reset("log_connections", "log_disconnections"),
        finds={"log_connections": "trivial", "log_disconnections": "trivial"},
    ),
    State(
        check="postgresql_log_connections",
        name="a_list_without_the_role",
        on=["postgresql"],
        make=["ALTER SYSTEM SET log_connections = 'receipt', 'setup_durations'", RELOAD],
        undo=reset("log_connections"),
        finds={"log_connections": "trivial"},
    ),
    State(
        check="postgresql_log_content",
        name="a_prefix_without_the_role_and_no_statements_by_default",
        on=BOTH,
        make=[],
        undo=reset("log_line_prefix", "log_statement"),
        finds={"log_line_prefix": "trivial", "log_statement": "trivial"},
    ),
    State(
        check="postgresql_log_content",
        name="levels_and_trees_for_the_server_and_a_role",
        on=BOTH,
        make=[
            "ALTER SYSTEM SET log_min_messages = fatal",
            "ALTER SYSTEM SET log_min_error_statement = panic",
            "ALTER SYSTEM SET log_error_verbosity = terse",
            "ALTER SYSTEM SET debug_print_plan = on",
            RELOAD,
            "CREATE ROLE quiet LOGIN",
            "ALTER ROLE quiet SET log_statement = none",
        ],
        undo=[
            "DROP ROLE quiet",
            *reset(
                "log_min_messages",
                "log_min_error_statement",
                "log_error_verbosity",
                "debug_print_plan",
            ),
        ],
        finds={
            "log_min_messages": "trivial",
            "log_min_error_statement": "trivial",
            "log_error_verbosity": "trivial",
            "debug_print_plan": "trivial",
            'log_statement for role "quiet"': "trivial",
        },
    ),
    State(
        check="postgresql_public_schema_create",
        name="open_as_up_to_14_and_opened_by_a_role_that_is_not_the_owner",
        on=BOTH,
        make=[
            "GRANT CREATE ON SCHEMA public TO PUBLIC",
            "CREATE ROLE ann",
            'CREATE SCHEMA "Pub"',
            'GRANT CREATE ON SCHEMA "Pub" TO ann WITH GRANT OPTION',
            "SET ROLE ann",
            'GRANT CREATE ON SCHEMA "Pub" TO PUBLIC',
            "RESET ROLE",
            "CREATE SCHEMA shut",
            "GRANT USAGE ON SCHEMA shut TO PUBLIC",
            "GRANT CREATE ON SCHEMA shut TO ann",
        ],
        undo=[
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            'DROP SCHEMA "Pub", shut',
            "DROP ROLE ann",
        ],
        finds={"postgres.public": "major", "postgres.Pub": "trivial"},
    ),
    State(
        check="postgresql_public_table_grants",
        name="tables_views_columns_and_the_systems_own",
        on=BOTH,
        make=[
            'CREATE TABLE "Or.ders" (a int, "B b" int)',
            "CREATE SCHEMA inner_one",
            "CREATE VIEW inner_one.shown AS SELECT 1 AS one",
            'GRANT SELECT, INSERT ON "Or.ders" TO PUBLIC',
            'GRANT UPDATE ("B b") ON "Or.ders" TO PUBLIC',
            "GRANT ALL ON inner_one.shown TO PUBLIC",
            "GRANT SELECT ON pg_catalog.pg_statistic TO PUBLIC",
            "CREATE ROLE ann",
            "CREATE TABLE lent (a int)",
            "GRANT SELECT ON lent TO ann WITH GRANT OPTION",
            "SET ROLE ann",
            "GRANT SELECT ON lent TO PUBLIC",
            "RESET ROLE",
        ],
        undo=[
            'DROP TABLE "Or.ders", lent',
            "DROP SCHEMA inner_one CASCADE",
            "DROP ROLE ann",
            "REVOKE SELECT ON pg_catalog.pg_statistic FROM PUBLIC",
        ],
        finds={
            'postgres.public."Or.ders"': "major",
            "postgres.inner_one.shown": "trivial",
            "postgres.pg_catalog.pg_statistic": "major",
            "postgres.public.lent": "trivial",
        },
    ),
    State(
        check="postgresql_security_definer_path",
        name="routines_without_a_path_of_their_own",
        on=BOTH,
        make=DEFINERS,
        undo=NO_DEFINERS,
        finds={
            'postgres.app.evil(integer[], app."Mood s"[])': "major",
            "postgres.app.work(integer, text)": "major",
            "postgres.app.fired()": "major",
            "postgres.app.temporary()": "trivial",
            "postgres.app.unmade()": "trivial",
            "postgres.app.empty()": "trivial",
        },
    ),
    State(
        check="postgresql_untrusted_languages",
        name="one_made_by_hand_and_one_declared_trusted",
        on=BOTH,
        make=[
            'CREATE LANGUAGE "e vil" HANDLER plpgsql_call_handler',
            "UPDATE pg_catalog.pg_language SET lanpltrusted = true WHERE lanname = 'c'",
        ],
        undo=[
            'DROP LANGUAGE IF EXISTS "e vil"',
            "UPDATE pg_catalog.pg_language SET lanpltrusted = false WHERE lanname = 'c'",
        ],
        finds={"postgres.e vil": "major", "postgres.c": "critical"},
    ),
    State(
        check="postgresql_risky_extensions",
        name="risky_ones_and_one_that_is_outdated",
        on=BOTH,
        make=[
            "CREATE EXTENSION dblink",
            "CREATE EXTENSION file_fdw",
            "CREATE EXTENSION hstore VERSION '1.4'",
            "CREATE EXTENSION citext",
        ],
        undo=["DROP EXTENSION IF EXISTS dblink, file_fdw, hstore, citext"],
        finds={
            "postgres.dblink": "trivial",
            "postgres.file_fdw": "trivial",
            "postgres.hstore": "trivial",
        },
    ),
    State(
        check="postgresql_fdw_passwords",
        name="in_mappings_and_where_everybody_reads_them",
        on=BOTH,
        make=[
            "CREATE EXTENSION postgres_fdw",
            'CREATE SERVER "bill ing" FOREIGN DATA WRAPPER postgres_fdw',
            "CREATE ROLE ann",
            "CREATE USER MAPPING FOR ann SERVER \"bill ing\" OPTIONS (user 'a', password 'b=c')",
            "CREATE USER MAPPING FOR PUBLIC SERVER \"bill ing\" OPTIONS (password 'b')",
            "CREATE FOREIGN DATA WRAPPER web",
            "CREATE SERVER site FOREIGN DATA WRAPPER web OPTIONS (url 'u', api_key 'b')",
            "CREATE FOREIGN TABLE pages (a int) SERVER site OPTIONS (token 'b')",
        ],
        undo=[
            "DROP FOREIGN DATA WRAPPER web CASCADE",
            "DROP EXTENSION postgres_fdw CASCADE",
            "DROP ROLE ann",
        ],
        finds={
            "postgres.bill ing.ann": "trivial",
            "postgres.bill ing.PUBLIC": "trivial",
            "postgres.site": "major",
            "postgres.public.pages": "major",
        },
    ),
]
