"""Read YAML as texts, integers, floats, booleans and null, with the line of each value.

Dates, base-60 and hexadecimal numbers, `yes` and `on` are texts, as in the Go library that PMM
uses. Tags, cycles and keys that are not texts are faults; the limits below bound time and memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from stt_shared.checkfile.yaml.scalars import scalar

MAX_BYTES = 1024 * 1024  # of one file
MAX_NODES = 100_000  # of one file; the value of an alias counts each time
CHARACTERS_OF_A_NODE = 64  # a longer text counts as several
MAX_DOCUMENTS = 100
MAX_DEPTH = 40
MAX_FAULTS = 100  # of one document
MERGE = "<<"
TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
COLLECTION_TAGS = frozenset({"!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


class DocumentError(Exception):
    """A fault of a text; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Place:
    """The lines of a list or mapping, and of its items by key or index.

    `written` has the texts of scalars that became numbers, booleans or null, by key.
    """

    value: object
    first: int
    last: int
    items: Mapping[str | int, int]
    written: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Document:
    """The value of a document, the places of its lists and mappings, and its faults."""

    value: Any
    line: int
    places: Mapping[int, Place]
    faults: tuple[DocumentError, ...]

    def place(self, value: object) -> Place | None:
        """The place of `value`, a list or mapping object of this document."""
        found = self.places.get(id(value))
        return found if found is not None and found.value is value else None


def documents(text: str) -> Iterator[Document]:
    """The documents in `text`; raises DocumentError at a fault that ends the reading."""
    if len(text) > MAX_BYTES or len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise DocumentError(1, f"the file is larger than the limit of {MAX_BYTES} bytes")
    budget = _Budget()
    builder = _Builder(budget)
    number = 0
    for event in _events(text):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            builder = _Builder(budget)
            number += 1
            if number > MAX_DOCUMENTS:
                raise DocumentError(line, f"more than {MAX_DOCUMENTS} documents in one file")
        elif isinstance(event, yaml.DocumentEndEvent):
            yield builder.document()
        elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            builder.take(event, line)


def _events(text: str) -> Iterator[Any]:
    """The events of libyaml's parser, which neither recurses nor assigns types."""
    try:
        yield from yaml.parse(text, yaml.CBaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise DocumentError(mark.line + 1 if mark else 1, f"not valid YAML: {problem}") from error
    except (ValueError, OverflowError) as error:  # e.g. a lone surrogate
        raise DocumentError(1, f"not valid YAML: {error}") from error


@dataclass(slots=True)
class _Budget:
    nodes: int = 0

    def spend(self, nodes: int, line: int) -> None:
        """Count values; raises DocumentError above MAX_NODES."""
        # Aliases count with all their values: few bytes could otherwise expand to gigabytes.
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise DocumentError(line, f"the file expands to more than {MAX_NODES} values")


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read."""

    value: list[Any] | dict[str, Any]
    line: int
    begun: int  # nodes counted before it
    anchor: str | None
    items: dict[str | int, int] = field(default_factory=dict[str | int, int])
    own: dict[str, Any] = field(default_factory=dict[str, Any])
    merged: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    written: dict[str, str] = field(default_factory=dict[str, str])
    key: str | None = None
    merging: bool = False
    as_key: bool = False


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Any
    nodes: int
    written: str | None = None


class _Builder:
    """Builds one document of its events; a fault does not end the reading."""

    def __init__(self, budget: _Budget) -> None:
        self._budget = budget
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}  # None: not closed yet
        self._places: dict[int, Place] = {}
        self._faults: list[DocumentError] = []
        self._root: Any = None
        self._line = 1

    def document(self) -> Document:
        """The finished document."""
        return Document(self._root, self._line, self._places, tuple(self._faults))

    def take(self, event: Any, line: int) -> None:
        """Process one event; raises DocumentError beyond a limit."""
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(str(event.anchor), line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event, line)
        else:
            self._end(line)

    def _fault(self, line: int, message: str) -> None:
        # The limit: a file of a megabyte can have a fault in every byte.
        if len(self._faults) >= MAX_FAULTS:
            raise DocumentError(line, f"more than {MAX_FAULTS} faults in one document")
        self._faults.append(DocumentError(line, message))

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        weight = 1 + len(event.value) // CHARACTERS_OF_A_NODE
        self._budget.spend(weight, line)
        tag, plain = event.tag, bool(event.implicit[0])
        if tag is not None and tag not in TEXT_TAGS:
            self._fault(line, f"tag {tag!r} is not supported")
        if "\0" in event.value:
            self._fault(line, "a text contains the character NUL")
        if self._awaits_key():
            self._key(event.value, line, merge=plain and event.value == MERGE)
            return
        value: str | float | bool | None = event.value
        if plain and tag is None:
            try:
                value = scalar(event.value)
            except ValueError as error:
                self._fault(line, str(error))
        written = None if isinstance(value, str) else event.value
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, weight, written)
        self._add(value, line, written)

    def _awaits_key(self) -> bool:
        top = self._open[-1] if self._open else None
        return top is not None and isinstance(top.value, dict) and top.key is None

    def _key(self, name: str, line: int, *, merge: bool = False) -> None:
        top = self._open[-1]
        top.key, top.merging = name, merge
        if top.key in top.items:
            self._fault(line, f"key {name!r} twice")
        top.items[top.key] = line

    def _alias(self, name: str, line: int) -> None:
        found = self._anchors.get(name)
        if self._awaits_key():
            self._fault(line, "a key must be text")
            self._key(f"*{name}", line)
        elif found is None:
            known = name in self._anchors
            why = "refers to a value that contains it" if known else "has no anchor"
            self._fault(line, f"alias {name!r} {why}")
            self._add(None, line)
        else:
            self._budget.spend(found.nodes, line)
            self._add(found.value, line, found.written)

    def _begin(self, event: yaml.CollectionStartEvent, line: int) -> None:
        self._budget.spend(1, line)
        # Checked at each level: whoever walks the value later may recurse that deep.
        if len(self._open) >= MAX_DEPTH:
            raise DocumentError(line, f"values are nested deeper than {MAX_DEPTH}")
        if event.tag is not None and event.tag not in COLLECTION_TAGS:
            self._fault(line, f"tag {event.tag!r} is not supported")
        as_key = self._awaits_key()
        if as_key:
            self._fault(line, "a key must be text")
        value: list[Any] | dict[str, Any]
        value = {} if isinstance(event, yaml.MappingStartEvent) else []
        if event.anchor:
            self._anchors[event.anchor] = None
        begun = self._budget.nodes - 1
        self._open.append(_Open(value, line, begun, event.anchor, as_key=as_key))

    def _end(self, line: int) -> None:
        done = self._open.pop()
        written: dict[str, str] = {}
        if isinstance(done.value, dict):
            for one in reversed(done.merged):
                done.value.update(one)
                written |= self._written_in(one)
            done.value.update(done.own)
            written = {key: text for key, text in written.items() if key not in done.own}
            written |= done.written
        if done.anchor:
            nodes = self._budget.nodes - done.begun
            self._anchors[done.anchor] = _Anchored(done.value, nodes)
        self._places[id(done.value)] = Place(done.value, done.line, line, done.items, written)
        if done.as_key:
            self._key(f"? {line}", line)
        else:
            self._add(done.value, done.line)

    def _written_in(self, merged: dict[str, Any]) -> Mapping[str, str]:
        place = self._places.get(id(merged))
        return place.written if place is not None else {}

    def _add(self, value: Any, line: int, written: str | None = None) -> None:
        if not self._open:
            self._root, self._line = value, line
            return
        top = self._open[-1]
        if isinstance(top.value, list):
            top.items[len(top.value)] = line
            top.value.append(value)
            return
        key, is_merge = str(top.key), top.merging
        top.key, top.merging = None, False
        if not is_merge:
            top.own[key] = value
            if written is not None:
                top.written[key] = written
            return
        several = cast("list[object]", value) if isinstance(value, list) else [value]
        for one in several:
            if isinstance(one, dict):
                top.merged.append(cast("dict[str, Any]", one))
                # Counted for each merge: few bytes could otherwise expand to gigabytes.
                self._budget.spend(len(top.merged[-1]), line)
            else:
                self._fault(line, "only mappings can be merged")
