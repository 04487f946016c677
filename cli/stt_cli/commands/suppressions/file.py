"""Exceptions as a YAML file that people keep in git: written in a stable order, read with lines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from stt_shared.checkfile.document import DocumentError, Entry, entries
from stt_shared.checkfile.folder import UnreadableError, read_file, text_of
from stt_shared.errors import ConfigError
from stt_shared.protocol.exceptions import ExceptionEntry, ExceptionRecord

KEY = "exceptions"
HEAD = """\
# Written by `stt exceptions export`, taken in by `stt exceptions import FILE` (twice is once).
# Each entry: id, reason, until (its last day, UTC), and a finding, or a check and a target, a label
# (key=value) or a site. With a severity it is no acceptance: findings count as of that severity.
# An entry that is taken out of this file stays in force: end it with `stt unaccept ID`.
"""
_WIDTH = 100
_FIELDS = ExceptionEntry.__struct_fields__


def written(records: Iterable[ExceptionRecord]) -> str:
    """The file: oldest first, so that a new exception is a change at the end."""
    ordered = sorted(records, key=lambda one: (one.created, one.id))
    body = {KEY: [_plain(one) for one in ordered]}
    dump: Any = vars(yaml)["safe_dump"]  # its stub is partly unknown to pyright
    return HEAD + str(dump(body, sort_keys=False, allow_unicode=True, width=_WIDTH))


def _plain(one: ExceptionRecord) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(one, name) for name in _FIELDS}
    values["severity"] = str(one.severity) if one.severity is not None else None
    values["created"] = one.created.isoformat()
    return {name: value for name, value in values.items() if value not in (None, "")}


def read(path: Path) -> tuple[ExceptionEntry, ...]:
    """The entries of a file; raises ConfigError with every fault and its line."""
    try:
        text = text_of(read_file(path))
    except UnreadableError as error:
        raise ConfigError(f"cannot read {path} ({error})") from error
    bad: list[DocumentError] = []
    listed = entries(text, KEY, bad)
    faults = [f"{path}:{one.line}: {one.message}" for one in bad]
    found: list[ExceptionEntry] = []
    for entry in listed:
        try:
            found.append(_entry(entry))
        except ValueError as error:
            faults.append(f"{path}:{entry.line}: {error}")
    if faults:
        raise ConfigError(f"{path} cannot be taken in", faults=tuple(faults))
    return tuple(found)


def _entry(entry: Entry) -> ExceptionEntry:
    """The entry; raises ValueError for what is none."""
    for name in entry.value:
        if name not in _FIELDS:
            raise ValueError(f"unknown field {name!r}, there are {', '.join(_FIELDS)}")
    try:
        return msgspec.convert(dict(entry.value), ExceptionEntry)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)[:1].lower() + str(error)[1:]) from error
