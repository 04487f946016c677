"""The session variables that can change the result of a query, and the value each is set to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

Version = tuple[int, ...]
Span = tuple[Version, Version]  # from the first version to before the second

NEVER: Span = ((), ())
LATER = (10_000,)
ALL: Span = ((), LATER)
MAX = "18446744073709551615"
# Longer results of functions become NULL without an error; no server has less by default.
MIN_PACKET_BYTES = 1024 * 1024


def since(*version: int) -> Span:
    """The versions from `version` on."""
    return version, LATER


def before(*version: int) -> Span:
    """The versions before `version`."""
    return (), version


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A variable, its value as SQL, its value as read back, and the versions that have it."""

    name: str
    value: str
    kept: str
    mysql: Span = ALL
    mariadb: Span = ALL

    def known_to(self, flavour: str, version: Version) -> bool:
        """Whether a server of that flavour and version has the variable."""
        first, end = self.mariadb if flavour == "mariadb" else self.mysql
        return first <= version < end


def _number(name: str, value: int | str, mysql: Span = ALL, mariadb: Span = ALL) -> Pin:
    return Pin(name=name, value=str(value), kept=str(value), mysql=mysql, mariadb=mariadb)


def _text(name: str, value: str, mysql: Span = ALL, mariadb: Span = ALL) -> Pin:
    return Pin(name=name, value=f"'{value}'", kept=value, mysql=mysql, mariadb=mariadb)


def _empty(name: str, mysql: Span = ALL, mariadb: Span = ALL) -> Pin:
    """An empty set; the text '' would be NULL under some values of sql_mode."""
    return Pin(name=name, value="0", kept="", mysql=mysql, mariadb=mariadb)


# Placeholders for the statement time-out.
SECONDS, MILLISECONDS = "{seconds}", "{milliseconds}"
# None needs a privilege. max_join_size turns sql_big_selects off, so it has to come first.
PINS = (
    _text("character_set_client", "utf8mb4"),
    _text("character_set_results", "utf8mb4"),
    _text("collation_connection", "utf8mb4_general_ci"),
    _text("character_set_collations", "utf8mb4=utf8mb4_general_ci", NEVER, since(11, 2, 1)),
    _empty("sql_mode"),
    _empty("old_mode", NEVER, before(10, 6, 1)),
    _text("old_mode", "UTF8_IS_UTF8MB3", NEVER, since(10, 6, 1)),
    _number("autocommit", 1),
    _text("completion_type", "NO_CHAIN"),
    _number("tx_read_only", 1, before(5, 7, 20), before(11, 1, 1)),
    _number("transaction_read_only", 1, since(5, 7, 20), since(11, 1, 1)),
    _text("tx_isolation", "REPEATABLE-READ", before(5, 7, 20), before(11, 1, 1)),
    _text("transaction_isolation", "REPEATABLE-READ", since(5, 7, 20), since(11, 1, 1)),
    _number("sql_select_limit", MAX),
    _number("max_join_size", MAX),
    _number("sql_big_selects", 1),
    _number("group_concat_max_len", 1024 * 1024),
    _number("max_sort_length", 1024),
    _number("sort_buffer_size", 2 * 1024 * 1024),
    _number("tmp_disk_table_size", MAX, NEVER, since(10, 2, 7)),
    _number("div_precision_increment", 4),
    _number("default_week_format", 0),
    _number("sql_auto_is_null", 0),
    _number("sql_quote_show_create", 1),
    _text("lc_messages", "en_US"),
    _text("lc_time_names", "en_US"),
    _text("time_zone", "+00:00"),
    _number("lock_wait_timeout", SECONDS),
    _number("innodb_lock_wait_timeout", SECONDS),
    _number("max_execution_time", MILLISECONDS, since(5, 7, 8), NEVER),
    Pin(
        name="max_statement_time",
        value=SECONDS,
        kept=f"{SECONDS}.000000",
        mysql=NEVER,
        mariadb=since(10, 1, 1),
    ),
    _text("block_encryption_mode", "aes-128-ecb", since(5, 7), since(11, 2, 1)),
    _number("show_create_table_verbosity", 0, since(5, 7, 22), NEVER),
    _number("information_schema_stats_expiry", 86_400, since(8), NEVER),
    _number("windowing_use_high_precision", 1, since(8, 0, 2), NEVER),
    _number("print_identified_with_as_hex", 0, since(8, 0, 17), NEVER),
    _text("terminology_use_previous", "NONE", since(8, 0, 26), NEVER),
    _number("show_gipk_in_create_table_and_information_schema", 1, since(8, 0, 30), NEVER),
    # The keyword, not a text: a text is a point in time; DEFAULT means now.
    Pin(
        name="system_versioning_asof",
        value="DEFAULT",
        kept="DEFAULT",
        mysql=NEVER,
        mariadb=since(10, 3, 4),
    ),
    _empty("default_regex_flags", NEVER, since(10, 1)),
    _number("max_recursive_iterations", 4_294_967_295, NEVER, since(10, 2, 2)),
    _number("standard_compliant_cte", 1, NEVER, since(10, 2, 2)),
    _number("max_session_mem_used", 9_223_372_036_854_775_807, NEVER, since(10, 2)),
    _text("query_cache_type", "OFF", NEVER, since(10, 11)),
)
NAMES = frozenset(pin.name for pin in PINS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """The pins of one server: assignments, expressions to read them back, expected values."""

    names: tuple[str, ...]
    assignments: str
    readings: str
    kept: str

    def broken(self, kept: object) -> str:
        """The variables with another value, as `name = value`; empty if there are none."""
        found, wanted = _switches(str(kept)), _switches(self.kept)
        if len(found) != len(wanted):
            return "the session's settings cannot be read"
        pairs = zip(self.names, found, wanted, strict=True)
        return ", ".join(f"{name} = {now!r:.60}" for name, now, then in pairs if now != then)


@lru_cache
def pinned(flavour: str, version: Version, statement_s: float) -> Pinned:
    """The pins for a server of this flavour (mysql, percona or mariadb) and version."""
    pins = [pin for pin in PINS if pin.known_to(flavour, version)]
    words = {
        "seconds": max(1, round(statement_s)),
        "milliseconds": round(statement_s * 1_000),
    }
    return Pinned(
        names=tuple(pin.name for pin in pins),
        assignments=_joined(f"{pin.name} = {pin.value}" for pin in pins).format(**words),
        readings=_joined(f"@@SESSION.{pin.name}" for pin in pins),
        kept="|".join(pin.kept for pin in pins).format(**words),
    )


def _switches(kept: str) -> list[str]:
    """The single values; MariaDB returns ON where MySQL returns 1."""
    words = {"ON": "1", "OFF": "0"}
    return [words.get(value, value) for value in kept.split("|")]


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(parts)
