"""Writes and reads exceptions as a YAML file to keep in git."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from stt_shared.checkfile.document import DocumentError, entries
from stt_shared.checkfile.folder import UnreadableError, read_file, text_of
from stt_shared.errors import ConfigError
from stt_shared.protocol.suppressions import SuppressionEntry, SuppressionRecord

KEY = "exceptions"
HEAD = """\
# Written by `stt exceptions export`; import it with `stt exceptions import FILE` (idempotent).
# Each entry: id, reason, until (its last day, UTC), and a finding, or a check and a target, a label
# (key=value) or a site. With a severity it accepts nothing: findings have that severity.
# An entry that is removed from this file stays in force: revoke it with `stt unaccept ID`.
"""
_WIDTH = 100
_FIELDS = SuppressionEntry.__struct_fields__


def written(records: Iterable[SuppressionRecord]) -> str:
    """The text of the file: oldest first, so that a new exception is added at the end."""
    ordered = sorted(records, key=lambda one: (one.created, one.id))
    listed: list[dict[str, object]] = []
    for one in ordered:
        values: dict[str, object] = {name: getattr(one, name) for name in _FIELDS}
        values["severity"] = str(one.severity) if one.severity is not None else None
        values["created"] = one.created.isoformat()
        listed.append({name: value for name, value in values.items() if value not in (None, "")})
    body = {KEY: listed}
    dump: Any = vars(yaml)["safe_dump"]  # its stub is partly unknown to pyright
    return HEAD + str(dump(body, sort_keys=False, allow_unicode=True, width=_WIDTH))


def read(path: Path) -> tuple[SuppressionEntry, ...]:
    """The entries of a file; raises ConfigError with every fault and its line."""
    try:
        text = text_of(read_file(path))
    except UnreadableError as error:
        raise ConfigError(f"cannot read {path} ({error})") from error
    bad: list[DocumentError] = []
    listed = entries(text, KEY, bad)
    faults = [f"{path}:{one.line}: {one.message}" for one in bad]
    found: list[SuppressionEntry] = []
    for entry in listed:
        if unknown := [name for name in entry.value if name not in _FIELDS]:
            why = f"unknown field {unknown[0]!r}, expected one of {', '.join(_FIELDS)}"
            faults.append(f"{path}:{entry.line}: {why}")
            continue
        try:
            found.append(msgspec.convert(dict(entry.value), SuppressionEntry))
        except msgspec.ValidationError as error:
            faults.append(f"{path}:{entry.line}: {str(error)[:1].lower()}{str(error)[1:]}")
    if faults:
        raise ConfigError(f"cannot import {path}", faults=tuple(faults))
    return tuple(found)
