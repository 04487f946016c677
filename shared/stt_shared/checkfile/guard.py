"""The guard of a query: `mysql >= 8.0.27 or percona`, compared as numbers, never as text.

A flavour is exact: `mysql` is only MySQL of Oracle, not `percona` or `mariadb`. For an order, a
missing part of a version counts as zero; `==` and `!=` ignore it: `8.0 == 8.0.27` is true.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from stt_shared.checkfile.model import Guard, Server

FLAVOURS = frozenset({"mysql", "percona", "mariadb", "postgresql", "mongodb"})
MAX_CHARACTERS = 500
MAX_DEPTH = 20
_TOKEN = re.compile(
    r"\s*(?:(?P<op>>=|<=|==|!=|<|>|\(|\))|(?P<word>[A-Za-z]+)|(?P<version>\d[\d.]*))"
)
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
COMPARISONS = frozenset({*_ORDERS, "==", "!="})


class GuardError(ValueError):
    """A guard is invalid; the message names the place."""


def parse_guard(text: str) -> Guard:
    """Parse a guard; raises GuardError."""
    if len(text) > MAX_CHARACTERS:
        raise GuardError(f"guard has {len(text)} characters, the limit is {MAX_CHARACTERS}")
    tokens: list[str] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise GuardError(f"unexpected {text[position:].strip()[0]!r} at {position} in {text!r}")
        tokens.append(match[0].strip())
        position = match.end()
    parser = _Parser(tokens)
    tree = parser.either(0)
    if parser.rest:
        raise GuardError(f"unexpected {parser.rest[0]!r} in guard {text!r}")
    return Guard(text, tree)


class _Parser:
    """Recursive descent: or, and, not, then a flavour with or without a comparison."""

    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens

    def _take(self) -> str:
        if not self.rest:
            raise GuardError("the guard ends too early")
        return self.rest.pop(0)

    def _next_is(self, word: str) -> bool:
        if self.rest and self.rest[0] == word:
            self.rest.pop(0)
            return True
        return False

    def either(self, depth: int) -> tuple[Any, ...]:
        parts = [self.both(depth)]
        while self._next_is("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else ("or", *parts)

    def both(self, depth: int) -> tuple[Any, ...]:
        parts = [self.negated(depth)]
        while self._next_is("and"):
            parts.append(self.negated(depth))
        return parts[0] if len(parts) == 1 else ("and", *parts)

    def negated(self, depth: int) -> tuple[Any, ...]:
        """`not`, a parenthesis or a flavour; raises GuardError."""
        # The limit: deeper nesting would end in a RecursionError.
        if depth > MAX_DEPTH:
            raise GuardError(f"the guard is nested deeper than {MAX_DEPTH}")
        if self._next_is("not"):
            return ("not", self.negated(depth + 1))
        if self._next_is("("):
            inner = self.either(depth + 1)
            if not self._next_is(")"):
                raise GuardError("a parenthesis is not closed")
            return inner
        return self.flavour()

    def flavour(self) -> tuple[Any, ...]:
        """A flavour with or without a comparison; raises GuardError."""
        word = self._take()
        if word not in FLAVOURS:
            known = ", ".join(sorted(FLAVOURS))
            raise GuardError(f"unknown flavour {word!r}, expected one of {known}")
        if not self.rest or self.rest[0] not in COMPARISONS:
            return ("is", word)
        comparison, version = self._take(), self._take()
        if not re.fullmatch(r"\d{1,9}(\.\d{1,9})*", version):
            raise GuardError(f"{version!r} is not a version such as 8.0.27")
        return ("compare", word, comparison, tuple(map(int, version.split("."))))


def holds(guard: Guard, server: Server) -> bool:
    """Whether a server satisfies `guard`."""
    return _holds(guard.tree, server)


def _holds(tree: tuple[Any, ...], server: Server) -> bool:
    kind, *parts = tree
    if kind == "or":
        return any(_holds(part, server) for part in parts)
    if kind == "and":
        return all(_holds(part, server) for part in parts)
    if kind == "not":
        return not _holds(parts[0], server)
    if server.flavour != parts[0]:
        return False
    return kind == "is" or _compare(server.version, parts[1], parts[2])


def _compare(found: tuple[int, ...], comparison: str, asked: tuple[int, ...]) -> bool:
    if comparison in {"==", "!="}:
        equal = _padded(found, len(asked))[: len(asked)] == asked
        return equal == (comparison == "==")
    length = max(len(found), len(asked))
    return _ORDERS[comparison](_padded(found, length), _padded(asked, length))


def _padded(version: tuple[int, ...], length: int) -> tuple[int, ...]:
    return version + (0,) * (length - len(version))
