"""Reads a remediation as data: the dict of a script or of a sample, or all its faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import msgspec

from stt_shared.protocol.enums import Restart
from stt_shared.protocol.messages import Fix

MAX_STATEMENTS = 50  # of `statement`, and of `undo`
MAX_CHARACTERS = 16_000  # of all texts of one remediation
PROSE = ("effect", "before", "action", "persistent", "no_undo")
MAX_PROSE_CHARACTERS = 1_000  # of each of them
CODE = ("query", "file", "lines", "undo_lines")
STATEMENTS = ("statement", "undo")
REQUIRED = ("effect", "before", "restart", "persistent")
WHAT_TO_DO = ("statement", "lines", "action")
HOW_TO_UNDO = ("undo", "undo_lines", "no_undo")
KEYS = frozenset((*PROSE, *CODE, *STATEMENTS, "restart"))


def fix_of(value: Mapping[str, Any], clean: Callable[[str], str] = str) -> Fix:
    """The remediation in `value`; raises ValueError with every fault.

    `clean` is applied to each text. Nothing is cut: half a statement does something else.
    """
    if faults := list(_faults(value)):
        raise ValueError("; ".join(faults))
    texts = {key: clean(value[key]) for key in (*PROSE, *CODE) if value.get(key)}
    lists = {key: [clean(one) for one in _listed(value, key)] for key in STATEMENTS}
    return msgspec.convert({"restart": value["restart"]} | texts | lists, Fix)


def _listed(value: Mapping[str, Any], key: str) -> list[Any]:
    """The statements of `key`: one as a text, or several as a list; anything else as it is."""
    found: object = value.get(key, "")
    if isinstance(found, list):
        return cast("list[object]", found)
    return [] if found == "" else [found]


def _faults(value: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong: first the types, then, if those are right, the content."""
    yield from (f"remediation has the unknown key {key!r:.40}" for key in value if key not in KEYS)
    wrong = list(_wrong_types(value))
    yield from wrong
    if wrong:
        return
    yield from (f"remediation has no {key}" for key in REQUIRED if not value.get(key))
    blank = (key for key in (*PROSE, *CODE) if value.get(key) and not value[key].strip())
    yield from (f"remediation: {key} has nothing but spaces" for key in blank)
    for group in (WHAT_TO_DO, HOW_TO_UNDO):
        if not any(value.get(key) for key in group):
            yield f"remediation has none of {', '.join(group)}"
    if value.get("restart") and value["restart"] not in set(Restart):
        yield f"remediation: restart is {value['restart']!r:.40}, expected {', '.join(Restart)}"
    if bool(value.get("file")) != bool(value.get("lines") or value.get("undo_lines")):
        yield "remediation: file and lines are given together or not at all"
    # It is shown as a comment above its lines: a second line of it would be one of them.
    if len(value.get("file", "").splitlines()) > 1:
        yield "remediation: file is the name of one file, on one line"
    if value.get("no_undo") and (value.get("undo") or value.get("undo_lines")):
        yield "remediation: no_undo and undo are both given, expected one of them"
    yield from _too_long(value)


def _wrong_types(value: Mapping[str, Any]) -> Iterator[str]:
    for key in (*PROSE, *CODE, "restart"):
        if not isinstance(value.get(key, ""), str):
            yield f"remediation: {key} is {type(value[key]).__name__}, expected a text"
    for key in STATEMENTS:
        if not all(isinstance(one, str) and one.strip() for one in _listed(value, key)):
            yield f"remediation: {key} is neither a statement nor a list of statements"


def _too_long(value: Mapping[str, Any]) -> Iterator[str]:
    total = sum(len(value.get(key, "")) for key in (*PROSE, *CODE))
    for key in STATEMENTS:
        found = _listed(value, key)
        total += sum(map(len, found))
        if len(found) > MAX_STATEMENTS:
            yield f"remediation: {key} has {len(found)} statements, the limit is {MAX_STATEMENTS}"
    for key in PROSE:
        if (size := len(value.get(key, ""))) > MAX_PROSE_CHARACTERS:
            yield f"remediation: {key} has {size} characters, the limit is {MAX_PROSE_CHARACTERS}"
    if total > MAX_CHARACTERS:
        yield f"remediation has {total} characters, the limit is {MAX_CHARACTERS}"
