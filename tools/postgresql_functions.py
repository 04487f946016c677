"""The list of PostgreSQL's functions that only read, made from the catalogues of real servers.

`python -m tools.postgresql_functions` writes the file that the guard of statements reads.
"""

from __future__ import annotations

import tempfile
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, LiteralString

import psycopg

import stt_shared.checkfile.statements as package
from stt_coordinator.local.servers import postgresql
from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.statements.postgresql_dots import FIELDS, FUNCTIONS

FILE = Path(package.__file__).with_name(FUNCTIONS)
FIELDS_FILE = Path(package.__file__).with_name(FIELDS)
HEAD = """\
# Functions of pg_catalog that read and do nothing else. Made from PostgreSQL 15 and 18 by
# `python -m tools.postgresql_functions`, whose text says by which rules; not for editing.
"""
# Volatile functions that read the state of the server, each looked at.
REVIEWED = frozenset(
    {
        *("clock_timestamp", "current_query", "gen_random_uuid", "pg_blocking_pids", "random"),
        *("pg_control_checkpoint", "pg_control_init", "pg_control_recovery", "pg_control_system"),
        *("pg_collation_actual_version", "pg_database_collation_actual_version", "timeofday"),
        *("pg_current_logfile", "pg_current_wal_flush_lsn", "pg_current_wal_insert_lsn"),
        *("pg_current_wal_lsn", "pg_database_size", "pg_get_wal_replay_pause_state"),
        *("pg_hba_file_rules", "pg_ident_file_mappings", "pg_indexes_size", "pg_is_in_recovery"),
        *("pg_is_wal_replay_paused", "pg_jit_available", "pg_last_wal_receive_lsn"),
        *("pg_last_wal_replay_lsn", "pg_last_xact_replay_timestamp", "pg_lock_status"),
        *("pg_ls_archive_statusdir", "pg_ls_logdir", "pg_ls_tmpdir", "pg_ls_waldir"),
        *("pg_notification_queue_usage", "pg_partition_ancestors", "pg_partition_tree"),
        *("pg_prepared_xact", "pg_relation_size", "pg_show_all_file_settings", "pg_stat_get_io"),
        *("pg_show_replication_origin_status", "pg_table_size", "pg_tablespace_size"),
        *("pg_total_relation_size", "uuidv4", "uuidv7"),
    }
)
# Not volatile, but: assign a transaction id, read the tables they are given (and so call the
# functions of views), run the input function of a type that is named in a text, or belong to DDL.
ACTING = frozenset(
    {
        *("pg_current_xact_id", "txid_current", "pg_input_is_valid", "pg_input_error_info"),
        *("fmgr_c_validator", "fmgr_internal_validator", "fmgr_sql_validator"),
        *("postgresql_fdw_validator", "ts_rewrite", "popen", "pclose"),
    }
)
ACTING_FAMILIES = ("pg_event_trigger_", "binary_upgrade_", "prsd_", "dispell_", "dsimple_")
READS_TABLES = ("_to_xml", "_to_xmlschema", "_to_xml_and_xmlschema")
# Functions without a description, or that stand behind an operator, are called by nobody.
QUERY: LiteralString = """
SELECT p.proname,
  p.provolatile IN ('i', 's') AND NOT EXISTS (
    SELECT FROM pg_type t
    WHERE t.oid = ANY (p.proargtypes::oid[] || p.prorettype) AND t.typtype = 'p'
    AND t.typname NOT LIKE 'any%' AND t.typname NOT IN ('record', '_record', 'void')),
  COALESCE(obj_description(p.oid, 'pg_proc'), 'implementation of')
    !~ ('^(implementation of|I/O|internal|join sel|restriction sel|hash|less-equal-greater'
      '|aggregate (transition|final|combine|serial|deserial))')
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'pg_catalog'
"""
FIELDS_HEAD = """\
# Columns of the server's own tables, and of what the functions give that only read, without the
# names of other functions. Made as the list of functions is; not for editing.
"""
FIELDS_QUERY: LiteralString = """
SELECT name FROM (
  SELECT unnest(proargnames), unnest(proargmodes)
  FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY (%(functions)s)
  UNION
  SELECT attname, 'o' FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
  WHERE relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
) field (name, mode)
WHERE mode IN ('o', 'b', 't') AND name <> '' AND NOT EXISTS (
  SELECT FROM pg_proc other
  WHERE other.proname = name AND other.proname <> ALL (%(functions)s))
"""


def functions(servers: Iterable[Running]) -> frozenset[str]:
    """The names every overload of which, on each of the servers, only reads."""
    good: set[str] = set()
    bad: set[str] = set()
    for server in servers:
        with _connected(server) as connection:
            for name, reads, described in connection.execute(QUERY):
                if not reads:
                    bad.add(name)
                elif described:
                    good.add(name)
    return frozenset(filter(_reads, good - bad)) | REVIEWED & (good | bad)


def fields(servers: Iterable[Running], known: frozenset[str]) -> frozenset[str]:
    """The names of what the functions in `known` give, beside functions in `known`."""
    found: set[str] = set()
    for server in servers:
        with _connected(server) as connection:
            rows = connection.execute(FIELDS_QUERY, {"functions": sorted(known)})
            found |= {str(name) for (name,) in rows}
    return frozenset(found - known)


def _connected(server: Running) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname="postgres",
    )


def _reads(name: str) -> bool:
    return not (name in ACTING or name.startswith(ACTING_FAMILIES) or name.endswith(READS_TABLES))


def text(names: Iterable[str], head: str = HEAD) -> str:
    """The text of a file."""
    return f"{head}{textwrap.fill(' '.join(sorted(names)), 100)}\n"


def _write() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        servers = [
            postgresql.start(folder / "18", password="throw-away"),
            postgresql.start(
                folder / "15", password="throw-away", binaries=postgresql.installed(15)
            ),
        ]
        try:
            known = functions(servers)
            FILE.write_text(text(known), encoding="ascii")
            FIELDS_FILE.write_text(text(fields(servers, known), FIELDS_HEAD), encoding="ascii")
        finally:
            for server in servers:
                server.stop()


if __name__ == "__main__":
    _write()
