"""Pieces that several checks of a pack share: their first queries, and what their scripts call.

A file `parts/<name>.yaml` is a mapping with the list `parts`, of mappings with

    name         the name of the file
    description  what it gives to a check, for its authors
    queries      as in a check; they fill the first places of `docs`
    privileges   as in a check
    script       stands in front of the check's own

A check that says `parts: [<name>]` is read as if all of it stood in the check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from stt_shared.checkfile.document import DocumentError, Fault, entries

FOLDER = "parts"
FIELDS = frozenset({"name", "description", "queries", "privileges", "script"})
Parts = Mapping[str, Mapping[str, Any]]


def load_parts(folder: Path, faults: list[Fault]) -> Parts:
    """The parts in `folder`/parts by name; what is wrong with one goes to `faults`."""
    found: dict[str, Mapping[str, Any]] = {}
    for file in sorted((folder / FOLDER).glob("*.yaml")):
        try:
            listed = entries(file.read_text(encoding="utf-8"), "parts")
        except DocumentError as error:
            faults.append(Fault(source=str(file), line=error.line, message=error.message))
            continue
        except (OSError, UnicodeDecodeError) as error:
            faults.append(Fault(source=str(file), line=1, message=f"cannot be read: {error}"))
            continue
        for entry in listed:
            if fault := _fault(entry.value, file.stem):
                faults.append(Fault(source=str(file), line=entry.line, message=fault))
            else:
                found[file.stem] = entry.value
    return found


def _fault(value: Mapping[str, Any], name: str) -> str:
    if unknown := sorted(value.keys() - FIELDS):
        return f"unknown field {unknown[0]!r} of a part"
    if value.get("name") != name:
        return f"the part's name is {value.get('name')!r}, expected {name!r} like its file"
    if not isinstance(value.get("script", ""), str) or not isinstance(
        value.get("queries", []), list
    ):
        return "a part has queries, a list, and script, a text"
    return ""


def with_parts(check: Mapping[str, Any], parts: Parts) -> dict[str, Any]:
    """`check` with its parts in it and no longer named; raises ValueError for an unknown one."""
    named: object = check.get("parts", [])
    whole = {key: value for key, value in check.items() if key != "parts"}
    if not named:
        return whole
    if not isinstance(named, list):
        raise ValueError(f"parts is {named!r:.40}, expected a list of names")  # noqa: TRY004  # a fault of data
    used = [_known(parts, name) for name in cast("list[object]", named)]
    whole["queries"] = [
        *(query for part in used for query in part.get("queries", [])),
        *_items(check.get("queries")),
    ]
    scripts = [str(part.get("script", "")).rstrip("\n") for part in used]
    own = check.get("script")
    if isinstance(own, str):
        whole["script"] = "\n\n\n".join([*filter(None, scripts), own])
    whole["privileges"] = _privileges([*used, check])
    return whole


def _known(parts: Parts, name: object) -> Mapping[str, Any]:
    found = parts.get(str(name))
    if found is None:
        raise ValueError(f"no part {name!r} in this pack, known are {', '.join(parts) or 'none'}")
    return found


def _items(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _privileges(holders: Iterable[Mapping[str, Any]]) -> dict[str, list[object]]:
    """The grants of all, each once, by flavour."""
    found: dict[str, list[object]] = {}
    for holder in holders:
        by_flavour = cast("Mapping[str, object]", holder.get("privileges") or {})
        for flavour, grants in by_flavour.items():
            mine = found.setdefault(flavour, [])
            mine += [grant for grant in _items(grants) if grant not in mine]
    return found
