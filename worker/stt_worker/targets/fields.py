"""The keys of one `[[targets]]` table, each with its type, limits, rule and text."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from stt_shared.protocol.enums import Family
from stt_shared.redaction import hide_value
from stt_shared.settings import rules
from stt_shared.settings.field import fields_of, setting
from stt_worker.targets import target_rules, urls
from stt_worker.targets.tls_words import MODES


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a key; `key` leads to its line."""

    key: str
    text: str


class TargetTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A database that the worker checks."""

    id: Annotated[str, setting("name of the target in findings and events", rule=rules.token)]
    url: Annotated[
        str,
        setting(
            "address as the database's own tools write it, instead of the keys below",
            rule=target_rules.line,
            secret=True,
        ),
    ] = ""
    family: Annotated[
        str,
        setting("type of the database", choices=tuple(map(str, Family)), rule=target_rules.family),
    ] = ""
    host: Annotated[str, setting("host name or IP address", rule=target_rules.host)] = ""
    port: Annotated[
        int, setting("TCP port; default: that of the type", low=1, high=urls.MAX_PORT)
    ] = 0
    socket: Annotated[
        str, setting("path of a UNIX socket, instead of a host", rule=target_rules.socket)
    ] = ""
    user: Annotated[str, setting("user name", rule=target_rules.line)] = ""
    password: Annotated[
        str,
        setting(
            "reference to the password: file:PATH, env:NAME, cred:NAME or exec:COMMAND",
            rule=target_rules.password,
            secret=True,
        ),
    ] = ""
    database: Annotated[
        str, setting("database of the first connection", rule=target_rules.line)
    ] = ""
    auth_source: Annotated[
        str, setting("MongoDB: database of the user", rule=target_rules.line)
    ] = ""
    tls: Annotated[str, setting("required TLS; default: verify-full", choices=MODES)] = ""
    ca: Annotated[
        str, setting("path of the CA of the server's certificate", rule=target_rules.file)
    ] = ""
    cert: Annotated[str, setting("path of a client certificate", rule=target_rules.file)] = ""
    key: Annotated[
        str, setting("path of the key of the client certificate", rule=target_rules.file)
    ] = ""
    server_public_key: Annotated[
        str, setting("MySQL: path of the server's RSA public key", rule=target_rules.file)
    ] = ""
    allow_public_key_retrieval: Annotated[
        bool, setting("MySQL: accept the RSA public key that the server sends")
    ] = False
    labels: Annotated[
        dict[str, str], setting("labels of all findings of the target", rule=target_rules.labels)
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
