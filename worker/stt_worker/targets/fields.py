"""The keys of one `[[targets]]` table: which there are, and what each may hold."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from stt_shared.identity import TOKEN_RULE, is_token
from stt_shared.protocol.enums import Family
from stt_shared.redaction import hide_value
from stt_worker.databases.hosts import fault_of
from stt_worker.targets.tls_words import MODES
from stt_worker.targets.urls import MAX_PORT

MAX_LABELS = 16
MAX_LABEL_CHARACTERS = 64
MAX_TEXT_CHARACTERS = 4_096


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a key; `key` tells the line."""

    key: str
    text: str


Rule = Callable[[Any], str]  # what was expected instead, or an empty text


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        return "a text"
    if len(value) > MAX_TEXT_CHARACTERS or not value.isprintable():
        return f"a line of at most {MAX_TEXT_CHARACTERS} characters"
    return ""


def _password(value: Any) -> str:
    return "" if isinstance(value, str) and len(value) <= MAX_TEXT_CHARACTERS else "a text"


def _token(value: Any) -> str:
    return "" if isinstance(value, str) and is_token(value) else TOKEN_RULE


def _family(value: Any) -> str:
    known = "mysql (also for MariaDB and Percona Server), postgresql, mongodb"
    return "" if isinstance(value, str) and value in list(Family) else f"one of {known}"


def _port(value: Any) -> str:
    good = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_PORT
    return "" if good else f"a number from 1 to {MAX_PORT}"


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) else "true or false"


def _mode(value: Any) -> str:
    return "" if value in MODES else "one of " + ", ".join(MODES)


def _socket(value: Any) -> str:
    return _text(value) or (
        "" if value.startswith("/") and "," not in value else "an absolute path without a comma"
    )


def _host(value: Any) -> str:
    wrong = _text(value) or fault_of(value)
    return f"one host ({wrong})" if wrong else ""


def _file(value: Any) -> str:
    return _text(value) or home_fault(value)


def home_fault(value: str) -> str:
    """Why a path cannot be made whole, or an empty text."""
    try:
        Path(value).expanduser()
    except RuntimeError:
        return "a path without ~ of a user who is not there"
    return ""


def _labels(value: Any) -> str:
    if not isinstance(value, dict):
        return "a table of texts"
    labels = cast("dict[str, Any]", value)
    texts = [text for pair in labels.items() for text in pair]
    if len(labels) > MAX_LABELS or not all(
        isinstance(text, str) and len(text) <= MAX_LABEL_CHARACTERS for text in texts
    ):
        return f"at most {MAX_LABELS} texts of at most {MAX_LABEL_CHARACTERS} characters"
    return ""


FIELDS: dict[str, Rule] = {
    "id": _token,
    "url": _text,
    "family": _family,
    "host": _host,
    "port": _port,
    "socket": _socket,
    "user": _text,
    "password": _password,
    "database": _text,
    "auth_source": _text,
    "tls": _mode,
    "ca": _file,
    "cert": _file,
    "key": _file,
    "server_public_key": _file,
    "allow_public_key_retrieval": _flag,
    "labels": _labels,
}
_NEVER_SHOWN = frozenset({"password", "url"})
_SHOWN_CHARACTERS = 60


def checked(entry: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The values of `entry` that keep their rule, and a fault for each that does not."""
    good: dict[str, Any] = {}
    faults: list[Fault] = []
    for key, value in entry.items():
        if key not in FIELDS:
            faults.append(Fault(key, f"unknown key {key!r}{_suggestion(key)}"))
        elif expected := FIELDS[key](value):
            shown = "wrong" if key in _NEVER_SHOWN else repr(hide_value(value))[:_SHOWN_CHARACTERS]
            faults.append(Fault(key, f"{key} is {shown}, expected {expected}"))
        else:
            good[key] = value
    return good, faults


def _suggestion(key: str) -> str:
    close = difflib.get_close_matches(key, FIELDS, n=1)
    return f", did you mean {close[0]!r}?" if close else ""
