"""Parts that several checks of a pack share: queries, privileges and functions of scripts.

A file `parts/<name>.yaml` is a mapping with the list `parts`, of mappings with

    name         the name of the file
    description  what it provides, for authors of checks
    queries      as in a check; they are the first entries of `docs`
    privileges   as in a check
    script       precedes the script of the check

A check with `parts: [<name>]` is read as if the content of the part were in the check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, cast

from stt_shared.checkfile.document import DocumentError, Fault, entries, shown

FOLDER = "parts"
SUFFIX = ".yaml"
MAX_PARTS = 20  # of one check
MAX_GRANTS = 1_000  # of one flavour; more are a fault of the check
FIELDS = frozenset({"name", "description", "queries", "privileges", "script"})
Parts = Mapping[str, Mapping[str, Any]]
_BETWEEN = "\n\n\n"  # two scripts


def is_part(path: str) -> bool:
    """Whether the file at `path` in a pack contains a part."""
    return path.startswith(f"{FOLDER}/") and path.endswith(SUFFIX) and path.count("/") == 1


def load_parts(texts: Mapping[str, str], source: str, faults: list[Fault]) -> Parts:
    """The parts in the files of a pack by name; faults are appended to `faults`.

    `texts` are the contents by path, `source` is the prefix of a path in a fault.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for path in filter(is_part, texts):
        name = PurePosixPath(path).stem
        bad: list[DocumentError] = []
        listed = entries(texts[path], "parts", bad)
        for entry in listed:
            if fault := _fault(entry.value, name):
                bad.append(DocumentError(entry.line, fault))
            else:
                found[name] = entry.value
        faults += [Fault(source=f"{source}{path}", line=e.line, message=e.message) for e in bad]
    return found


def _fault(value: Mapping[str, Any], name: str) -> str:
    if unknown := sorted(value.keys() - FIELDS):
        return f"unknown field {unknown[0]!r} of a part"
    if value.get("name") != name:
        return f"the part's name is {shown(value.get('name'))}, expected {name!r} like its file"
    if not isinstance(value.get("script", ""), str) or not isinstance(
        value.get("queries", []), list
    ):
        return "expected queries as a list and script as a text"
    if not isinstance(value.get("privileges", {}), dict):
        return "privileges of a part must map a flavour to a list of grants"
    return ""


def with_parts(check: Mapping[str, Any], parts: Parts) -> dict[str, Any]:
    """`check` with the content of its parts; raises ValueError for an unknown part."""
    named: object = check.get("parts", [])
    whole = {key: value for key, value in check.items() if key != "parts"}
    if not named:
        return whole
    if not isinstance(named, list):
        raise ValueError(f"parts is {shown(named)}, expected a list of names")  # noqa: TRY004  # a fault of data
    if len(cast("list[object]", named)) > MAX_PARTS:
        raise ValueError(f"parts has more than {MAX_PARTS} names")
    used: list[Mapping[str, Any]] = []
    for name in cast("list[object]", named):
        part = parts.get(name) if isinstance(name, str) else None
        if part is None:
            known = ", ".join(parts) or "none"
            raise ValueError(f"no part {shown(name)} in this pack, known are {known}")
        used.append(part)
    whole["queries"] = [
        *(query for part in used for query in part.get("queries", [])),
        *_items(check.get("queries")),
    ]
    own = check.get("script")
    if isinstance(own, str):
        whole["script"] = _BETWEEN.join([*_scripts(used), own])
    if isinstance(check.get("privileges", {}), dict):  # else a fault of the check
        whole["privileges"] = _privileges([*used, check])
    return whole


def part_ends(check: Mapping[str, Any], parts: Parts) -> tuple[int, ...]:
    """Where in the script of `with_parts` each of its parts ends, in characters."""
    ends: list[int] = []
    named = cast("list[str]", check.get("parts") or [])
    for script in _scripts([parts[name] for name in named]):
        ends.append((ends[-1] + len(_BETWEEN) if ends else 0) + len(script))
    return tuple(ends)


def _scripts(used: Iterable[Mapping[str, Any]]) -> list[str]:
    scripts = (str(part.get("script", "")).rstrip("\n") for part in used)
    return list(filter(None, scripts))


def _items(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _privileges(holders: Iterable[Mapping[str, Any]]) -> dict[str, list[object]]:
    """The grants by flavour, without duplicates."""
    found: dict[str, list[object]] = {}
    for holder in holders:
        by_flavour = cast("Mapping[str, object]", holder.get("privileges") or {})
        for flavour, grants in by_flavour.items():
            mine = found.setdefault(flavour, [])
            mine += [grant for grant in _items(grants)[:MAX_GRANTS] if grant not in mine]
    return found
