"""Read the mappings under one top-level key of a YAML file, with the line of each value."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from stt_shared.checkfile.yaml.reader import Document, DocumentError, documents

__all__ = ["DocumentError", "Entry", "Fault", "entries", "mapping", "shown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault and its place; `check` is the name of the check if it is known."""

    source: str
    line: int
    message: str
    check: str = ""

    def __str__(self) -> str:
        name = f"{self.check}: " if self.check else ""
        return f"{self.source}:{self.line}: {name}{self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A mapping of the file: its value, its line, and its document."""

    value: Mapping[str, Any]
    line: int
    document: Document

    def line_of(self, key: str, within: object = None, instead: str = "") -> int:
        """The line of `key` in the entry or in a mapping `within` it, or else of the mapping.

        For a mapping of another document it is the line of the key `instead`.
        """
        place = self.document.place(self.value if within is None else within)
        if place is None:
            return self.line_of(instead) if instead else self.line
        return place.items.get(key, place.first)

    def as_written(self, key: str, within: object = None) -> str | None:
        """The text of a number, boolean or null at `key`; None for any other value."""
        place = self.document.place(self.value if within is None else within)
        return None if place is None else place.written.get(key)


_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = 60


def shown(value: object) -> str:
    """`value` shortened for a message."""
    return _shown.repr(value)


def entries(text: str, key: str, bad: list[DocumentError] | None = None) -> list[Entry]:
    """The mappings in the list under top-level `key` of all documents; raises DocumentError.

    If `bad` is given, faults are appended to it instead, and the rest of the file is read.
    """
    noted: list[DocumentError] = []
    found: list[Entry] = []
    try:
        for document in documents(text):
            if document.value is not None or document.faults:
                found += _entries(document, key, noted)
    except DocumentError as error:
        noted.append(error)
    if bad is None and noted:
        raise noted[0]
    if bad is not None:
        bad += noted
    return found


def _entries(document: Document, key: str, noted: list[DocumentError]) -> Iterator[Entry]:
    value: Any = document.value
    items: Any = cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
    if not isinstance(items, list):
        noted += document.faults or [
            DocumentError(document.line, f"expected a mapping with the list {key!r}")
        ]
        return
    listed = cast("list[object]", items)
    place_of_list = document.place(listed)
    ranges: list[range] = []  # the lines of each item; the end is exclusive
    for index, item in enumerate(listed):
        first = place_of_list.items[index] if place_of_list else document.line
        place = document.place(item)
        # Of an item that is an alias only the alias is on this line; its value is elsewhere.
        own = place is not None and place.first == first
        end = max(place.last, first + 1) if place is not None and own else first + 1
        ranges.append(range(first, end))
    faults = list(document.faults)
    noted += faults
    if any(all(one.line not in lines for lines in ranges) for one in faults):
        return  # a fault outside of the entries may affect any of them
    for lines, item in zip(ranges, listed, strict=True):
        if any(one.line in lines for one in faults):
            continue
        if isinstance(item, dict):
            yield Entry(value=cast("dict[str, Any]", item), line=lines.start, document=document)
        else:
            noted.append(DocumentError(lines.start, "expected a mapping"))


def mapping(text: str) -> dict[str, Any]:
    """The only mapping in `text`; raises DocumentError."""
    found = [one for one in documents(text) if one.value is not None or one.faults]
    for document in found:
        for fault in document.faults:
            raise fault
    value: object = found[0].value if len(found) == 1 else None
    if not isinstance(value, dict):
        raise DocumentError(1, "expected one mapping")
    return cast("dict[str, Any]", value)
