"""Rewrites a script of PMM so that it runs here as in Go's Starlark: calls instead of operators.

`a % b`, slices, and some methods of texts become calls of the functions in pmm.star. Each line
stays where it is, so that the lines of errors are those of the script.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

METHODS = frozenset(
    {
        *("codepoint_ords", "codepoints", "elem_ords", "elems", "find", "format", "index"),
        *("rfind", "rindex", "rsplit", "split", "splitlines"),
    }
)
_COMMENT = re.compile(rb"#[^\n]*")
FIRST = -(10**9)  # before every bracket at the same place


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """`text` instead of the bytes from `start` to `end`; of two insertions the outer is first."""

    start: int
    depth: int
    end: int
    text: bytes


def rewritten(source: str) -> str:
    """`source` with calls for what Go does otherwise; unchanged if Python cannot parse it.

    Raises ValueError with the line for what only Go refuses.
    """
    notes: list[tuple[int, str]] = []
    tree = tree_of(source, notes)
    if tree is None:
        return source
    notes += _refused(tree)
    if notes:
        line, why = min(notes)
        raise ValueError(f"line {line}: {why}")
    data = source.encode()
    out: list[bytes] = []
    at = 0
    for edit in sorted(_Rewriter(data).edits(tree)):
        out += [data[at : edit.start], edit.text]
        at = edit.end
    return b"".join([*out, data[at:]]).decode()


def tree_of(source: str, notes: list[tuple[int, str]] | None = None) -> ast.Module | None:
    """The tree of a script: what Starlark parses, Python does too, but for a few words.

    Unknown escapes in texts are added to `notes`, with their lines. Raises ValueError for a script
    that is too large or nested too deeply: unchanged it could end otherwise than in PMM.
    """
    try:
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always")
            tree = ast.parse(source)
    except SyntaxError:
        return None
    except (RecursionError, MemoryError) as error:
        raise ValueError("the script is too large or nested too deeply") from error
    if notes is not None:
        escapes = [one for one in noted if "escape sequence" in str(one.message)]
        notes += [(one.lineno, str(one.message)) for one in escapes]
    return tree


def _refused(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What Go refuses when it reads a script and this engine does not: its line, and why."""
    seen: set[str] = set()
    for statement in tree.body:
        for name in _bound(statement):
            if name in seen:
                yield statement.lineno, f"cannot reassign the global {name}"
            seen.add(name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value == math.inf:
            yield node.lineno, "a float is out of range"


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement at top level binds."""
    if isinstance(statement, ast.FunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            yield from (
                node.id
                for node in ast.walk(target)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            )


class _Rewriter:
    def __init__(self, data: bytes) -> None:
        self._data = data
        lines = data.splitlines(keepends=True)
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line))

    def edits(self, tree: ast.AST) -> Iterator[Edit]:
        waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
        called: set[int] = set()  # attributes that are called at once
        while waiting:
            node, depth = waiting.pop()
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called.add(id(node.func))
            yield from self._edits_of(node, depth, is_called=id(node) in called)
            waiting += [(child, depth + 1) for child in ast.iter_child_nodes(node)]

    def _edits_of(self, node: ast.AST, depth: int, *, is_called: bool) -> Iterator[Edit]:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            yield from self._between(node, depth, "_pmm_percent", node.left, node.right)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Mod):
            yield from self._assigned(node, depth)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in METHODS:
                yield from self._method(node, node.func, depth)
        elif isinstance(node, ast.Attribute) and node.attr in METHODS and not is_called:
            yield self._open(node, depth, b"getattr(")
            dot = self._find(b".", self._end(node.value), self._end(node))
            yield Edit(dot, depth, self._end(node), b', "%s")' % node.attr.encode())
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Slice)
            and isinstance(node.ctx, ast.Load)
        ):
            yield from self._slice(node, node.slice, depth)

    def _open(self, node: ast.expr, depth: int, text: bytes) -> Edit:
        start = self._start(node)
        return Edit(start, depth, start, text)

    def _between(
        self, node: ast.expr, depth: int, name: str, left: ast.expr, right: ast.expr
    ) -> Iterator[Edit]:
        yield self._open(node, depth, f"{name}(".encode())
        at = self._find(b"%", self._end(left), self._start(right))
        yield Edit(at, depth, at + 1, b",")
        end = self._end(node)
        yield Edit(end, -depth, end, b")")

    def _assigned(self, node: ast.AugAssign, depth: int) -> Iterator[Edit]:
        """`a %= b` as `a = _pmm_percent(a, (b))`; of other targets than names it stays."""
        if not isinstance(node.target, ast.Name):
            return
        at = self._find(b"%=", self._end(node.target), self._start(node.value))
        text = f"= _pmm_percent({node.target.id}, (".encode()
        yield Edit(at, depth, at + 2, text)
        end = self._end(node)
        yield Edit(end, -depth, end, b"))")

    def _method(self, node: ast.Call, func: ast.Attribute, depth: int) -> Iterator[Edit]:
        yield self._open(node, depth, f"_pmm_{func.attr}(".encode())
        dot = self._find(b".", self._end(func.value), self._end(func))
        bracket = self._find(b"(", self._end(func), self._end(node))
        lines = self._data.count(b"\n", dot, bracket + 1)
        yield Edit(dot, depth, bracket + 1, b"," + b"\n" * lines + b" ")

    def _slice(self, node: ast.Subscript, part: ast.Slice, depth: int) -> Iterator[Edit]:
        """`a[b:c:d]` as a call, with None for each part that is left out."""
        yield self._open(node, depth, b"_pmm_slice(")
        at = self._find(b"[", self._end(node.value), self._end(node))
        yield Edit(at, depth, at + 1, b", ")
        at, end = at + 1, self._end(node) - 1
        closing = b")"
        for one in (part.lower, part.upper, part.step):
            if one is None:
                yield Edit(at, FIRST, at, b"None")
            colon = self._find(b":", at if one is None else self._end(one), end, missing=end)
            if colon == end:
                closing = b", None)" if one is part.upper and part.step is None else b")"
                break
            yield Edit(colon, depth, colon + 1, b",")
            at = colon + 1
        yield Edit(end, -depth, end + 1, closing)

    def _find(self, what: bytes, start: int, end: int, missing: int = -1) -> int:
        """The first place of `what` outside of comments; only brackets and spaces are between."""
        bare = _COMMENT.sub(lambda one: b" " * len(one[0]), self._data[start:end])
        found = bare.find(what)
        return missing if found < 0 else start + found

    def _start(self, node: ast.expr) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.stmt) -> int:
        return self._starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)
