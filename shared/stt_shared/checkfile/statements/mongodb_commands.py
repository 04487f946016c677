"""The closed list of MongoDB commands a check may send, with every option of each.

Everything else is rejected, when a check is loaded and again before a command is sent: no command
writes, waits, runs JavaScript, or returns stored passwords.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

MAX_TEXT = 200  # characters of a name or of a value in a filter
MAX_ITEMS = 100  # of a list, or fields of a filter
MAX_SHOWN = 3  # keys, in a reason
MAX_NUMBER = 2**63  # BSON holds 64 bits
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,199}")
_COMPARISONS = frozenset({"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$exists"})
_LISTS = frozenset({"$in", "$nin"})
_SECTIONS = (
    *("asserts", "catalogStats", "connections", "defaultRWConcern", "electionMetrics"),
    *("extra_info", "flowControl", "globalLock", "hedgingMetrics", "indexBuilds", "indexStats"),
    *("locks", "logicalSessionRecordCache", "mem", "metrics", "mirroredReads", "network"),
    *("opLatencies", "opReadConcernCounters", "opWriteConcernCounters", "opcounters"),
    *("opcountersRepl", "oplogTruncation", "repl", "security", "sharding", "shardingStatistics"),
    *("storageEngine", "tcmalloc", "trafficRecording", "transactions", "transportSecurity"),
    *("twoPhaseCommitCoordinator", "watchdog", "wiredTiger"),
)

Rule = Callable[[object], bool]


def fault(document: Mapping[Any, object]) -> str:
    """Why `document` may not be sent; empty for an allowed command."""
    named = [key for key in document if key in COMMANDS]
    if len(named) != 1:
        known = ", ".join(sorted(COMMANDS))
        found = ", ".join(repr(str(key)[:MAX_TEXT]) for key in list(document)[:MAX_SHOWN])
        return f"a command must name exactly one of {known}; it has {found or 'nothing'}"
    options = COMMANDS[named[0]]
    for key, value in document.items():
        if key not in options:
            known = ", ".join(sorted(options))
            return f"command {named[0]} has no option {str(key)[:MAX_TEXT]!r}, known are {known}"
        if not options[key](value):
            return f"command {named[0]}: {key} has a value that is not allowed"
    return ""


def in_order(document: Mapping[str, object]) -> dict[str, object]:
    """`document` with the command first: MongoDB reads the command from the first key."""
    return dict(sorted(document.items(), key=lambda item: item[0] not in COMMANDS))


def _flag(value: object) -> bool:
    return isinstance(value, bool) or value in (0, 1)


def _one(value: object) -> bool:
    return value in (1, True)


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable()


def _scalar(value: object) -> bool:
    if isinstance(value, int | float):
        return -MAX_NUMBER < value < MAX_NUMBER  # neither infinity nor NaN
    return value is None or _text(value)


def _names(key: str) -> Rule:
    """All, one by name, or several; `key` is the field of the name in a document."""

    def one(value: object) -> bool:
        if not isinstance(value, dict):
            return _text(value)
        fields = cast("dict[object, object]", value)
        return fields.keys() == {key, "db"} and all(map(_text, fields.values()))

    def rule(value: object) -> bool:
        if isinstance(value, list):
            items = cast("list[object]", value)
            return len(items) <= MAX_ITEMS and all(map(one, items))
        return value == {"forAllDBs": True} or _one(value) or one(value)

    return rule


def _filter(value: object) -> bool:
    """Fields compared with scalars: no expressions, no patterns, nothing nested."""
    if not isinstance(value, dict):
        return False
    fields = cast("dict[object, object]", value)
    return len(fields) <= MAX_ITEMS and all(
        isinstance(name, str) and _FIELD.fullmatch(name) and _condition(condition)
        for name, condition in fields.items()
    )


def _condition(value: object) -> bool:
    if not isinstance(value, dict):
        return _scalar(value)
    return all(
        (word in _COMPARISONS and _scalar(operand)) or (word in _LISTS and _scalars(operand))
        for word, operand in cast("dict[object, object]", value).items()
    )


def _scalars(value: object) -> bool:
    items = cast("list[object]", value) if isinstance(value, list) else None
    return items is not None and len(items) <= MAX_ITEMS and all(map(_scalar, items))


COMMANDS: Mapping[str, Mapping[str, Rule]] = {
    "hello": {"hello": _one},
    "hostInfo": {"hostInfo": _one},
    "connectionStatus": {"connectionStatus": _one, "showPrivileges": _flag},
    # The log itself contains statements of clients with their data.
    "getLog": {"getLog": lambda value: value == "startupWarnings"},
    "listDatabases": {
        "listDatabases": _one,
        "nameOnly": _flag,
        "authorizedDatabases": _flag,
        "filter": _filter,
    },
    "serverStatus": {"serverStatus": _one, **dict.fromkeys(_SECTIONS, _flag)},
    "usersInfo": {
        "usersInfo": _names("user"),
        "showPrivileges": _flag,
        "showCustomData": _flag,
        "showAuthenticationRestrictions": _flag,
        "filter": _filter,
    },
    "rolesInfo": {
        "rolesInfo": _names("role"),
        "showBuiltinRoles": _flag,
        "showPrivileges": _flag,
        "showAuthenticationRestrictions": _flag,
    },
}
