"""Which settings a session of PostgreSQL has, what a flip gives them, and a server to flip."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import Check
from stt_shared.protocol.enums import Family
from stt_worker.databases.postgresql.connect import EARLY_PINS
from stt_worker.databases.postgresql.session import SQL
from tests.hostile.postgresql.postgresql_tenant import LEAST, do
from tests.support.checks.hba import RELOAD, file_of
from tests.support.checks.states import ALL

RELOAD_S = 5.0
TIMEOUTS = {"idle_in_transaction_session_timeout": 10, "idle_session_timeout": 14}
TIMEOUTS |= {"transaction_timeout": 17}  # with the release that they came with
ROLE, DATABASE, CONFIGURATION = "role", "database", "configuration"
WAYS = (ROLE, DATABASE, CONFIGURATION)
SETTABLE = ("user", "superuser", "backend", "superuser-backend")
# What pg_settings does not show and ALTER ROLE takes.
HIDDEN = ("role", "session_authorization", "seed", "is_superuser")
# The server cannot say which values a text takes, nor which make no session wait for minutes.
VALUES = {
    "post_auth_delay": ["1"],
    "search_path": ["public", "pg_temp", "''"],
    "role": ["pg_monitor", LEAST],
    "session_authorization": ["pg_monitor"],
    "datestyle": ["German, DMY", "SQL, MDY", "Postgres, DMY"],
    "timezone": ["Asia/Kolkata", "Pacific/Apia", "-12"],
    "timezone_abbreviations": ["India", "Australia"],
    "client_encoding": ["SQL_ASCII", "LATIN1", "SJIS"],
    "default_text_search_config": ["pg_catalog.english"],
    "default_tablespace": ["pg_default"],
    "temp_tablespaces": ["pg_default"],
    "application_name": ["psql"],
    "local_preload_libraries": ["none_such"],
    "session_preload_libraries": ["none_such", "auto_explain"],
    "dynamic_library_path": ["/nowhere"],
    "extension_control_path": ["/nowhere"],
    "createrole_self_grant": ["set, inherit"],
    "log_line_prefix": ["%u@%d "],
    "log_destination": ["csvlog"],
    "restrict_nonsystem_relation_kind": ["view, foreign-table"],
    "plpgsql.extra_errors": ["all"],
    "plpgsql.extra_warnings": ["all"],
    "debug_io_direct": ["data"],
    "wal_consistency_checking": ["all"],
    "default_table_access_method": ["heap"],
    "oauth_validator_libraries": ["none_such"],
    "log_connections": ["all", "receipt"],
    **{f"lc_{kind}": ["C.UTF-8", "POSIX"] for kind in ("messages", "monetary", "numeric", "time")},
}
MANY_WORDS = 4  # levels of a log: the ends stand for those between
ANY_TEXT = ["x"]
# Rules that checks find, among them passwords that no verdict may show.
RULES = [
    "local all all peer",
    "host all all 127.0.0.1/32 md5",
    "host all all 10.0.0.0/8 trust",
    "host all all 0.0.0.0/0 password",
    "host all all 0.0.0.0/0 md5",
    "host all all 10.9.0.0/16 radius radiusservers=192.0.2.1 radiussecrets=never_to_be_seen",
    "host replication all 0.0.0.0/0 scram-sha-256",
    "host all all 192.168.0.0/16 ident map=m",
    "host all +no_such_group 0.0.0.0/0 scram-sha-256",
]
SECRET = "never_to_be_seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting of a session, and the values to flip it to."""

    name: str
    context: str
    values: tuple[str, ...]


def settings(server: Running) -> list[Setting]:
    """Every setting of a session that the server lists, and those that it hides."""
    columns = "name, context, vartype, enumvals, min_val, max_val, reset_val"
    with admin(server) as connection:
        rows = connection.execute(
            f"SELECT {columns} FROM pg_settings WHERE context = ANY(%s) ORDER BY name",
            [list(SETTABLE)],
        ).fetchall()
    found = [Setting(name=row[0], context=row[1], values=tuple(_values(row))) for row in rows]
    hidden = [
        Setting(name=name, context="hidden", values=tuple(VALUES.get(name, ["0.5", "on"])))
        for name in (*HIDDEN, *custom_names())
    ]
    return found + hidden


def custom_names() -> list[str]:
    """Settings of extensions and providers that a check asks for: anybody may invent them."""
    texts = " ".join(query.text for check in library() for query in check.queries)
    return sorted(set(re.findall(r"'([a-z_]+\.[a-z_]+)'", texts)))


def _values(row: Sequence[Any]) -> list[str]:
    name, _, kind, words, low, high, now = row
    if name.lower() in VALUES:
        return VALUES[name.lower()]
    if kind == "bool":
        return ["off" if now == "on" else "on"]
    if kind == "enum":
        others = [str(word) for word in words or [] if word != now]
        return others if len(others) < MANY_WORDS else [others[0], others[-1]]
    if kind == "string":
        return ANY_TEXT
    chosen = [low, "1", high] if kind == "integer" else [low, high]
    return [value for value in dict.fromkeys(chosen) if value != now]


def library() -> Sequence[Check]:
    return builtin().of(Family.POSTGRESQL)


def about(setting: str) -> frozenset[str]:
    """The checks that ask for the setting by its name."""
    word = re.compile(rf"'{re.escape(setting)}'", re.IGNORECASE)
    return frozenset(
        check.name for check in library() if any(word.search(query.text) for query in check.queries)
    )


def pinned() -> dict[str, str]:
    """What each session of ours sets, in small letters, and to what."""
    found = dict(re.findall(r"set_config\('(\w+)', '([^']*)', true\)", SQL["pins"]))
    found["lc_messages"] += " (by a superuser)"
    limit = "the limit of a statement"
    found |= dict.fromkeys(("statement_timeout", "lock_timeout"), limit)
    transaction = {"isolation": "read committed", "read_only": "on", "deferrable": "off"}
    for name, value in transaction.items():
        found[f"transaction_{name}"] = found[f"default_transaction_{name}"] = value
    found |= {"search_path": "pg_catalog, pg_temp", "role": "none"}
    found["session_authorization"] = "default"
    return {name.lower(): value for name, value in (EARLY_PINS | found).items()}


def admin(server: Running) -> psycopg.Connection[Any]:
    """A session of the superuser that works whatever was flipped."""
    safe = {"search_path": "pg_catalog", "statement_timeout": "0", "datestyle": "ISO"}
    safe |= {"session_preload_libraries": "", "local_preload_libraries": "", "role": "none"}
    safe |= {"default_transaction_read_only": "off", "client_encoding": "UTF8"}
    safe |= {"default_transaction_isolation": "read\\ committed", "exit_on_error": "off"}
    safe |= {name: "0" for name, since in TIMEOUTS.items() if version(server) >= since}
    return psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname="postgres",
        autocommit=True,
        options=" ".join(f"-c {name}={value}" for name, value in safe.items()),
    )


def version(server: Running) -> int:
    return int((server.directory / "data" / "PG_VERSION").read_text())


def make_bad(server: Running) -> None:
    """Bring the server into every bad state that its release knows."""
    for state in ALL:
        if state.check.startswith("postgresql") and "postgresql" in state.on:
            for line in state.make:
                with contextlib.suppress(psycopg.Error):  # of a newer release, or made already
                    do(server, [line])
    file = file_of(server)
    file.write_text("\n".join([*RULES, file.read_text()]), encoding="utf-8")
    # A library that every session loads would let nobody log in whose path has it not.
    again = ("log_min_messages", "debug_print_plan", "session_preload_libraries")
    do(server, [f"ALTER SYSTEM RESET {name}" for name in again])
    do(server, ["CREATE DATABASE stt_other", RELOAD])


@contextmanager
def flipped(server: Running, name: str, value: str, way: str) -> Iterator[bool]:
    """The setting set in that way for a while; False where the server refuses."""
    quoted = "'" + value.replace("'", "''") + "'"
    shown = name if "." in name else f'"{name}"'
    if way == CONFIGURATION:
        with _configured(server, f"{name} = {quoted}\n") as valid:
            yield valid
        return
    thing = f"ROLE {LEAST}" if way == ROLE else "DATABASE postgres"
    with admin(server) as connection:
        try:
            connection.execute(f"ALTER {thing} SET {shown} = {quoted}".encode())
        except psycopg.Error:
            yield False
            return
    try:
        yield True
    finally:
        # Not by name: there are settings that can be given and not be taken back.
        with admin(server) as connection:
            connection.execute(f"ALTER {thing} RESET ALL".encode())
            if way == ROLE:  # what `stt grants` gives
                connection.execute(f"ALTER ROLE {LEAST} SET default_transaction_read_only = on")


@contextmanager
def _configured(server: Running, line: str) -> Iterator[bool]:
    # Below what ALTER SYSTEM wrote: the last line counts. No session is needed to take it back.
    file = server.directory / "data" / "postgresql.auto.conf"
    before = file.read_text(encoding="utf-8")
    faults = _faults(server)  # what waits for a restart counts as one
    file.write_text(before + line, encoding="utf-8")
    try:
        valid = _faults(server) == faults
        if valid:
            _reload(server)
        yield valid
    finally:
        file.write_text(before, encoding="utf-8")
        _reload(server)


def _faults(server: Running) -> object:
    with admin(server) as connection:
        text = "SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL"
        return connection.execute(text).fetchone()


def _reload(server: Running) -> None:
    """Reload, and wait until new sessions have it."""
    before = _loaded(server)
    os.kill(server.pid, signal.SIGHUP)
    deadline = clock.monotonic() + RELOAD_S
    while _loaded(server) == before and clock.monotonic() < deadline:
        time.sleep(0.01)


def _loaded(server: Running) -> object:
    try:
        with admin(server) as connection:
            return connection.execute("SELECT pg_conf_load_time()::text").fetchone()
    except psycopg.Error:
        return None


def without_secret(text: str) -> bool:
    return SECRET not in text


def in_postgres(where: Any) -> Any:
    return replace(where, database="postgres")
