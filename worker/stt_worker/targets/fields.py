"""The keys of one `[[targets]]` table, each with its type, limits, rule and text."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from stt_shared.protocol.enums import Family
from stt_shared.redaction import hide_value
from stt_shared.settings import rules
from stt_shared.settings.field import fields_of, setting
from stt_worker.databases.hosts import fault_of
from stt_worker.targets import urls
from stt_worker.targets.tls_words import MODES

MAX_LABELS = 16
MAX_LABEL_CHARACTERS = 64
MAX_TEXT_CHARACTERS = 4_096


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a key; `key` leads to its line."""

    key: str
    text: str


def _line(value: str) -> str:
    if not value:
        return "expected a text"
    good = len(value) <= MAX_TEXT_CHARACTERS and value.isprintable()
    return "" if good else f"expected a line of at most {MAX_TEXT_CHARACTERS} characters"


def _password(value: str) -> str:
    good = len(value) <= MAX_TEXT_CHARACTERS
    return "" if good else f"expected at most {MAX_TEXT_CHARACTERS} characters"


def _family(value: str) -> str:
    known = "mysql (also for MariaDB and Percona Server), postgresql, mongodb"
    return "" if value in list(Family) else f"expected one of {known}"


def _socket(value: str) -> str:
    good = value.startswith("/") and "," not in value
    return _line(value) or ("" if good else "expected an absolute path without a comma")


def _host(value: str) -> str:
    wrong = _line(value).removeprefix("expected ") or fault_of(value)
    return f"expected one host ({wrong})" if wrong else ""


def _file(value: str) -> str:
    if fault := _line(value):
        return fault
    try:
        Path(value).expanduser()
    except RuntimeError:
        return "expected a path without ~ of an unknown user"
    return ""


def _labels(value: dict[str, str]) -> str:
    texts = [text for pair in value.items() for text in pair]
    if len(value) > MAX_LABELS or any(len(text) > MAX_LABEL_CHARACTERS for text in texts):
        return f"expected at most {MAX_LABELS} texts of at most {MAX_LABEL_CHARACTERS} characters"
    return ""


class TargetTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A database that the worker checks."""

    id: Annotated[str, setting("name of the target in findings and events", rule=rules.token)]
    url: Annotated[
        str,
        setting(
            "address as the database's own tools write it, instead of the keys below",
            rule=_line,
            secret=True,
        ),
    ] = ""
    family: Annotated[
        str, setting("type of the database", choices=tuple(map(str, Family)), rule=_family)
    ] = ""
    host: Annotated[str, setting("host name or IP address", rule=_host)] = ""
    port: Annotated[
        int, setting("TCP port; default: that of the type", low=1, high=urls.MAX_PORT)
    ] = 0
    socket: Annotated[str, setting("path of a UNIX socket, instead of a host", rule=_socket)] = ""
    user: Annotated[str, setting("user name", rule=_line)] = ""
    password: Annotated[
        str,
        setting(
            "reference to the password: file:PATH, env:NAME, cred:NAME or exec:COMMAND",
            rule=_password,
            secret=True,
        ),
    ] = ""
    database: Annotated[str, setting("database of the first connection", rule=_line)] = ""
    auth_source: Annotated[str, setting("MongoDB: database of the user", rule=_line)] = ""
    tls: Annotated[str, setting("required TLS; default: verify-full", choices=MODES)] = ""
    ca: Annotated[str, setting("path of the CA of the server's certificate", rule=_file)] = ""
    cert: Annotated[str, setting("path of a client certificate", rule=_file)] = ""
    key: Annotated[str, setting("path of the key of the client certificate", rule=_file)] = ""
    server_public_key: Annotated[
        str, setting("MySQL: path of the server's RSA public key", rule=_file)
    ] = ""
    allow_public_key_retrieval: Annotated[
        bool, setting("MySQL: accept the RSA public key that the server sends")
    ] = False
    labels: Annotated[
        dict[str, str], setting("labels of all findings of the target", rule=_labels)
    ] = {}


FIELDS = {one.key: one for one in fields_of("", TargetTable)}
_SHOWN_CHARACTERS = 60


def checked(entry: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The valid values of `entry`, and a fault for each other key."""
    good: dict[str, Any] = {}
    faults: list[Fault] = []
    for key, value in entry.items():
        field = FIELDS.get(key)
        if field is None:
            close = difflib.get_close_matches(key, FIELDS, n=1)
            suggestion = f", did you mean {close[0]!r}?" if close else ""
            faults.append(Fault(key, f"unknown key {key!r}{suggestion}"))
            continue
        try:
            good[key] = field.check(value)
        except ValueError as error:
            shown = "wrong" if field.secret else repr(hide_value(value))[:_SHOWN_CHARACTERS]
            faults.append(Fault(key, f"{key} is {shown}, {error}"))
    return good, faults
