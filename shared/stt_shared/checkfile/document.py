"""YAML text to plain values with the line of each key; bad YAML is a fault, never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

MAX_BYTES = 4 * 1024 * 1024
MAX_NODES = 200_000  # an alias counts each time it is used


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong, and where; `check` is the check's name as far as it is known."""

    source: str
    line: int
    message: str
    check: str = ""

    def __str__(self) -> str:
        name = f"{self.check}: " if self.check else ""
        return f"{self.source}:{self.line}: {name}{self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A mapping of the file: its plain value, its line, and the line of each of its keys."""

    value: Mapping[str, Any]
    line: int
    lines: Mapping[str, int]

    def line_of(self, key: str) -> int:
        """The line of `key`, or of the mapping."""
        return self.lines.get(key, self.line)


class DocumentError(Exception):
    """The text is no YAML that we take; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def entries(text: str, key: str, bad: list[DocumentError] | None = None) -> list[Entry]:
    """The mappings listed under top-level `key` of all documents; raises DocumentError.

    With `bad` given an item of the list that cannot be taken goes there and hides no other.
    """
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise DocumentError(1, f"the file is larger than the limit of {MAX_BYTES} bytes")
    found: list[Entry] = []
    loader = yaml.CSafeLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                _count(node)
                for item in _listed(node, key):
                    try:
                        found.append(_entry(loader, item))
                    except DocumentError as error:
                        if bad is None:
                            raise
                        bad.append(error)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise DocumentError(mark.line + 1 if mark else 1, f"not valid YAML: {problem}") from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise DocumentError(1, f"not valid YAML: {error}") from error
    finally:
        loader.dispose()
    return found


def _count(root: yaml.Node) -> None:
    waiting, seen = [root], 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > MAX_NODES:
            raise DocumentError(1, f"the file unfolds to more than {MAX_NODES} values")
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]


def _listed(node: yaml.Node, key: str) -> list[yaml.Node]:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise DocumentError(line, f"expected a mapping with the list {key!r}")
    lists = [value for name, value in node.value if name.value == key]
    if len(lists) != 1 or not isinstance(lists[0], yaml.SequenceNode):
        raise DocumentError(line, f"expected a mapping with the list {key!r}")
    return list(lists[0].value)


def _entry(loader: yaml.CSafeLoader, node: yaml.Node) -> Entry:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise DocumentError(line, "expected a mapping")
    _refuse_doubles(node)
    value: Any = loader.construct_document(node)  # pyright: ignore[reportUnknownMemberType]
    if any(not isinstance(name, str) for name in value):
        raise DocumentError(line, "every key must be text")
    lines = {name.value: name.start_mark.line + 1 for name, _ in node.value}
    return Entry(value=value, line=line, lines=lines)


def _refuse_doubles(root: yaml.Node) -> None:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for name, value in node.value:
                if isinstance(name, yaml.ScalarNode) and name.value in seen:
                    raise DocumentError(name.start_mark.line + 1, f"key {name.value!r} twice")
                seen.add(str(name.value))
                waiting.append(value)
