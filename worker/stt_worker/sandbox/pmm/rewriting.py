"""Rewrites a script of PMM so that it runs here as in Go's Starlark: calls instead of operators.

Operators that take texts, slices, indexes and methods of texts become calls of the functions in
pmm.star. Each line stays where it is, so that the lines of errors are those of the script.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

METHODS = frozenset(  # each has a function of its own
    {
        *("codepoint_ords", "codepoints", "elem_ords", "elems", "find", "format", "index"),
        *("join", "rfind", "rindex", "rsplit", "split", "splitlines"),
    }
)
PLAIN_METHODS = frozenset(  # as in Go, except on half a character
    {
        *("capitalize", "count", "endswith", "islower", "isupper", "lower", "lstrip", "partition"),
        *("removeprefix", "removesuffix", "replace", "rpartition", "rstrip", "startswith"),
        *("strip", "title", "upper"),
    }
)
OPERATORS: dict[type[ast.AST], tuple[str, bytes]] = {
    ast.Mod: ("_pmm_percent", b"%"),
    ast.Add: ("_pmm_plus", b"+"),
    ast.Mult: ("_pmm_times", b"*"),
    ast.Lt: ("_pmm_lt", b"<"),
    ast.LtE: ("_pmm_le", b"<="),
    ast.Gt: ("_pmm_gt", b">"),
    ast.GtE: ("_pmm_ge", b">="),
    ast.In: ("_pmm_in", b"in"),
    ast.NotIn: ("not _pmm_in", b"in"),
}
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


def _is_of_lists(node: ast.BinOp) -> bool:
    """Whether an operand is plainly no text: such an operator stays as it is."""
    plain = (ast.List, ast.ListComp, ast.Dict, ast.DictComp)
    return not isinstance(node.op, ast.Mod) and any(
        isinstance(one, plain) for one in (node.left, node.right)
    )


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_simple(node: ast.expr) -> bool:
    """Whether a target can be read and written without doing anything twice, on one line."""
    if node.lineno != node.end_lineno:
        return False
    if isinstance(node, ast.Subscript):
        return _is_simple(node.value) and _is_simple(node.slice)
    return isinstance(node, ast.Name | ast.Constant)


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
        match node:
            case ast.BinOp(left, op, right) if type(op) in OPERATORS and not _is_of_lists(node):
                yield from self._between(node, depth, op, left, right)
            case ast.Compare(left, [op], [right]) if type(op) in OPERATORS:
                yield from self._between(node, depth, op, left, right)
            case ast.AugAssign(op=op) if type(op) in OPERATORS:
                yield from self._assigned(node, depth)
            case ast.Call(ast.Attribute(attr=name) as func) if name in METHODS | PLAIN_METHODS:
                yield from self._method(node, func, depth)
            case ast.Attribute(attr=name) if name in METHODS | PLAIN_METHODS and not is_called:
                yield self._open(node, depth, b"getattr(")
                dot = self._find(b".", self._end(node.value), self._end(node))
                yield Edit(dot, depth, self._end(node), b', "%s")' % name.encode())
            case ast.Subscript(slice=ast.Slice() as part, ctx=ast.Load()):
                yield from self._slice(node, part, depth)
            case ast.Subscript(ctx=ast.Load()) if not _is_text(node.slice):
                yield self._open(node, depth, b"_pmm_at(")
                at = self._find(b"[", self._end(node.value), self._end(node))
                yield Edit(at, depth, at + 1, b", ")
                yield Edit(self._end(node) - 1, -depth, self._end(node), b")")
            case _:
                pass

    def _open(self, node: ast.expr, depth: int, text: bytes) -> Edit:
        start = self._start(node)
        return Edit(start, depth, start, text)

    def _between(
        self, node: ast.expr, depth: int, op: ast.AST, left: ast.expr, right: ast.expr
    ) -> Iterator[Edit]:
        """`a op b` as a call; of `not in` the first word is left out."""
        name, sign = OPERATORS[type(op)]
        yield self._open(node, depth, f"({name}(".encode())
        begin, until = self._end(left), self._start(right)
        if isinstance(op, ast.NotIn):
            word = self._find(b"not", begin, until)
            yield Edit(word, depth, word + len(b"not"), b"")
        at = self._find(sign, begin, until)
        yield Edit(at, depth, at + len(sign), b",")
        end = self._end(node)
        yield Edit(end, -depth, end, b"))")

    def _assigned(self, node: ast.AugAssign, depth: int) -> Iterator[Edit]:
        """`a %= b` as `a = _pmm_percent(a, (b))`; a target with calls in it stays as it is."""
        if not _is_simple(node.target):
            return
        name, sign = OPERATORS[type(node.op)]
        start, end = self._start(node.target), self._end(node.target)
        at = self._find(sign + b"=", end, self._start(node.value))
        target = self._data[start:end].decode()
        text = f"= {name}_in_place({target}, (".encode()
        yield Edit(at, depth, at + len(sign) + 1, text)
        end = self._end(node)
        yield Edit(end, -depth, end, b"))")

    def _method(self, node: ast.Call, func: ast.Attribute, depth: int) -> Iterator[Edit]:
        name = f"_pmm_{func.attr}(" if func.attr in METHODS else f'_pmm_method("{func.attr}", '
        yield self._open(node, depth, name.encode())
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
