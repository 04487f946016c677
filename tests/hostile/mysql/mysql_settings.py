"""Which variables a session of MySQL or MariaDB has, what a flip gives them, and a bad server."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pymysql

from stt_coordinator.local.servers import mysql as embedded
from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from stt_shared.grants.statements import PASSWORD, Account, Product, steps
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint
from tests.servers.fixtures import serving
from tests.support.checks.real import endpoint

FINDERS = {
    "MariaDB 10.11": embedded.find_mariadb,
    "MariaDB 11.8": embedded.find_newer_mariadb,
    "MySQL 9.7": embedded.find_mysql,
}
SERVERS = tuple(FINDERS)
LOOKS, OWN = "stt_looks", "Str0ng-enough"
GLOBAL, HOOK = "global", "init_connect"  # how a value gets into a session
MAX_VALUES = 4  # tried of one variable; the dangerous ones have more, below
WITH = "IDENTIFIED BY 'Str0ng-enough'"
# Many rows in every table that is looked at, names that only a sort order tells apart, and quotes.
BAD = (
    *(f"CREATE USER '{name}'@'%'" for name in ("open", "Open", "OPEN ", "a1", "a2", "z''9", 'q"')),
    *(f"CREATE USER 'far{number}'@'203.0.113.{number}' {WITH}" for number in range(1, 6)),
    f"CREATE USER ''@'anon.example' {WITH}",
    f"CREATE USER 'boss'@'%' {WITH}",
    "GRANT ALL ON *.* TO 'boss'@'%' WITH GRANT OPTION",
    *(f"GRANT FILE, PROCESS, SHUTDOWN ON *.* TO 'far{number}'@'203.0.113.{number}'"
      for number in range(1, 4)),
    "GRANT SELECT, UPDATE ON mysql.* TO 'far1'@'203.0.113.1' WITH GRANT OPTION",
    "GRANT SELECT ON mysql.db TO 'far2'@'203.0.113.2'",
    "GRANT SELECT (Host) ON mysql.db TO 'far3'@'203.0.113.3'",
    "GRANT ALL ON `test`.* TO ''@'anon.example'",
    "GRANT PROXY ON 'boss'@'%' TO 'far4'@'203.0.113.4' WITH GRANT OPTION",
    "SET GLOBAL local_infile = ON",
)  # fmt: skip
# Of texts, and of lists that MySQL does not show, the server does not say which values they take.
CHARACTER_SETS = ("latin1", "swe7", "gbk", "utf8mb3")
COLLATIONS = ("utf8mb4_bin", "latin1_general_cs", "utf8mb4_unicode_ci")
MODES = (
    *("ANSI_QUOTES", "PIPES_AS_CONCAT", "NO_BACKSLASH_ESCAPES", "IGNORE_SPACE"),
    *("PAD_CHAR_TO_FULL_LENGTH", "HIGH_NOT_PRECEDENCE", "REAL_AS_FLOAT", "NO_UNSIGNED_SUBTRACTION"),
    *("ORACLE", "DB2", "MSSQL", "ANSI,TRADITIONAL", "EMPTY_STRING_IS_NULL,SIMULTANEOUS_ASSIGNMENT"),
    *("TIME_ROUND_FRACTIONAL", "ONLY_FULL_GROUP_BY"),
)
TEXTS: dict[str, Sequence[str]] = {
    **{f"character_set_{one}": CHARACTER_SETS for one in ("client", "connection", "results")},
    **{f"character_set_{one}": CHARACTER_SETS for one in ("database", "server", "filesystem")},
    **{f"collation_{one}": COLLATIONS for one in ("connection", "database", "server")},
    "character_set_collations": ("utf8mb4=utf8mb4_bin",),
    "default_collation_for_utf8mb4": ("utf8mb4_general_ci",),
    "sql_mode": MODES,
    "lc_messages": ("de_DE", "ja_JP"),
    "lc_time_names": ("de_DE", "zh_CN"),
    "time_zone": ("-12:00", "+13:00"),
    "system_versioning_asof": ("2001-01-01 00:00:00", "ALL"),
    "default_storage_engine": ("MyISAM", "MEMORY"),
    "storage_engine": ("MyISAM", "MEMORY"),
    "default_tmp_storage_engine": ("MyISAM", "MEMORY"),
    "enforce_storage_engine": ("MyISAM",),
    "internal_tmp_mem_storage_engine": ("MEMORY",),
    "block_encryption_mode": ("aes-256-cbc",),
    "session_track_system_variables": ("*", ""),
    "innodb_ft_user_stopword_table": ("mysql/user",),
    "innodb_tmpdir": ("/tmp",),  # noqa: S108  # a value for the server
    "optimizer_switch": ("index_merge=off,materialization=off,semijoin=off,derived_merge=off",),
    "optimizer_trace": ("enabled=on",),
    "optimizer_trace_features": ("greedy_search=off",),
    "binlog_row_value_options": ("PARTIAL_JSON",),
    "default_master_connection": ("other",),
    "gtid_next": ("ANONYMOUS",),
    "myisam_stats_method": ("nulls_equal", "nulls_ignored"),
    "use_secondary_engine": ("OFF", "FORCED"),
}
Value = str  # as SQL


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A variable and the values it is flipped to; `way` is how they get into a session."""

    name: str
    way: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class BadServer:
    """A server in a bad state, and the administrator's session that outlives every flip."""

    server: Running
    root: Any  # a cursor of PyMySQL
    maria: bool

    @property
    def where(self) -> Endpoint:
        """The account that looks: `stt grants` made it, and hooks run at its log-in."""
        return replace(endpoint(self.server, Family.MYSQL), user=LOOKS, password=OWN)


@contextmanager
def bad_server(name: str, folder: Path) -> Generator[BadServer]:
    """A server of SERVERS with everything on it that BAD says."""
    maria = name.startswith("MariaDB")

    def start() -> Running:
        return embedded.start(FINDERS[name](), folder, password="x")  # throw-away

    with serving(name, start) as server:
        root = pymysql.connect(unix_socket=server.socket, user="root", password="x")
        with root, root.cursor() as cursor:
            for statement in (*BAD, *_account(maria=maria)):
                cursor.execute(statement)
            yield BadServer(server, cursor, maria)


def _account(*, maria: bool) -> Iterator[str]:
    """The statements of `stt grants`, without TLS: the connection is on loopback."""
    product = Product.MARIADB if maria else Product.MYSQL
    account = Account(user=LOOKS, host="localhost")
    for step in steps(product, builtin().of(Family.MYSQL), account):
        for statement in step.statements:
            yield statement.replace(PASSWORD, OWN).replace(" REQUIRE SSL", "")


def settings(bad: BadServer) -> list[Setting]:
    """Every variable of a session, by the server's own list."""
    found = _of_mariadb(bad.root) if bad.maria else _of_mysql(bad.root)
    return sorted(found, key=lambda one: one.name)


def _of_mariadb(root: Any) -> Iterator[Setting]:
    root.execute(
        "SELECT VARIABLE_NAME, VARIABLE_SCOPE, VARIABLE_TYPE, GLOBAL_VALUE, NUMERIC_MIN_VALUE,"
        " NUMERIC_MAX_VALUE, ENUM_VALUE_LIST FROM information_schema.SYSTEM_VARIABLES"
        " WHERE VARIABLE_SCOPE <> 'GLOBAL'"
    )
    for name, scope, kind, now, low, high, words in root.fetchall():
        yield _setting(name.lower(), scope, kind, now, low, high, words)


def _of_mysql(root: Any) -> Iterator[Setting]:
    root.execute(
        "SELECT m.VARIABLE_NAME, m.VARIABLE_SCOPE, m.DATA_TYPE, g.VARIABLE_VALUE, m.MIN_VALUE,"
        " m.MAX_VALUE FROM performance_schema.variables_metadata m"
        " LEFT JOIN performance_schema.global_variables g USING (VARIABLE_NAME)"
        " WHERE m.VARIABLE_SCOPE <> 'GLOBAL'"
    )
    for name, scope, kind, now, low, high in root.fetchall():
        yield _setting(name, scope, kind, now, low, high, None)


def _setting(  # noqa: PLR0917  # a row
    name: str, scope: str, kind: str, now: Any, low: Any, high: Any, words: str | None
) -> Setting:
    way = GLOBAL if scope == "SESSION" else HOOK
    return Setting(name=name, way=way, values=tuple(_values(name, kind, now, low, high, words)))


def _values(  # noqa: PLR0917  # a row
    name: str, kind: str, now: Any, low: Any, high: Any, words: str | None
) -> Iterator[Value]:
    kind = kind.upper()
    if name in TEXTS:
        yield from (f"'{one}'" for one in TEXTS[name])
    elif kind in {"BOOLEAN", "BOOL"}:
        yield from (one for one in ("ON", "OFF") if one != now)
    elif low not in {None, ""}:
        yield from dict.fromkeys(str(one) for one in (low, "1", high) if str(one) != str(now))
    elif words and kind == "ENUM":
        yield from [f"'{one}'" for one in words.split(",") if one != now][:MAX_VALUES]
    elif words and kind == "FLAGSET":
        yield "'" + ",".join(f"{one}=off" for one in words.split(",") if one != "default") + "'"
    elif words:
        yield from (f"'{words}'", "''")
    elif kind == "ENUMERATION":
        yield from map(str, range(MAX_VALUES))
    else:
        yield "''"


def flipped(bad: BadServer, setting: Setting) -> Iterator[str]:
    """For each value: empty while a new session gets it, or why the server does not take it."""
    for value in setting.values:
        try:
            if setting.way == GLOBAL:
                bad.root.execute(f"SET @before = @@GLOBAL.{setting.name}")
                bad.root.execute(f"SET GLOBAL {setting.name} = {value}")
            else:
                hook = f"SET SESSION {setting.name} = {value}"
                _tried(bad, hook)
                bad.root.execute("SET GLOBAL init_connect = %s", (hook,))
        except pymysql.Error as error:
            yield str(error.args[-1])
            continue
        try:
            yield ""
        finally:
            _undone(bad, setting)


def _tried(bad: BadServer, hook: str) -> None:
    """Raises pymysql.Error for what no hook can do with the rights of the account that looks."""
    with pymysql.connect(unix_socket=bad.server.socket, user=LOOKS, password=OWN) as connection:
        connection.cursor().execute(hook)


def _undone(bad: BadServer, setting: Setting) -> None:
    if setting.way == HOOK:
        bad.root.execute("SET GLOBAL init_connect = ''")
        return
    try:
        bad.root.execute(f"SET GLOBAL {setting.name} = @before")
    except pymysql.Error:  # some take no text from a variable
        bad.root.execute(f"SET GLOBAL {setting.name} = DEFAULT")
