"""Reject a dot of PostgreSQL after which the server could call a function.

`(x).f`, and `a.f` where `a` is a function in FROM, call `f(x)` if there is no column `f`. So the
name must be a known field, a function that only reads, or a column that the query names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stt_shared.checkfile.statements.names import listed
from stt_shared.checkfile.statements.refused import RefusedError

FUNCTIONS = "postgresql_functions.txt"
FIELDS = "postgresql_fields.txt"
# Their only column is named like the alias; for other functions it has a name of its own.
NAMED_BY_ALIAS = frozenset(
    {
        *("unnest", "generate_series", "generate_subscripts", "string_to_table"),
        *("regexp_split_to_table", "regexp_matches"),
    }
)
COLUMN_OF_TABLE = 2  # parts of a name; with more parts the first is a schema, never a function


Sources = Mapping[str, frozenset[str]]  # the columns of functions in FROM, by alias


def check(root: Any) -> None:
    """Check the dots below the node `root`; raises RefusedError.

    A name may refer to a function of any enclosing SELECT: which one depends on LATERAL.
    """
    known = listed(FUNCTIONS) | listed(FIELDS)
    waiting: list[tuple[Any, Sources]] = [(root, {})]
    while waiting:
        node, sources = waiting.pop()
        kind = node.DESCRIPTOR.name
        if kind == "SelectStmt":
            sources = dict(sources)
            for function in _in_from(node):
                name, columns = _source(function)
                # For equal aliases their common columns.
                sources[name] = columns & sources.get(name, columns)
        elif kind == "A_Indirection":
            _fields(_names(node.indirection), known)
        elif kind == "ColumnRef" and len(node.fields) == COLUMN_OF_TABLE:
            table, *column = _names(node.fields)
            if table in sources:
                _fields(column, known | sources[table])
        waiting += [(child, sources) for child in children(node)]


def children(node: Any) -> Iterator[Any]:
    """The direct children of `node`."""
    for field, value in node.ListFields():
        if field.message_type is not None:
            yield from value if field.is_repeated else [value]


def _in_from(select: Any) -> Iterator[Any]:
    """The functions in FROM of this SELECT, without those of nested SELECTs."""
    waiting = list(select.from_clause)
    while waiting:
        node = waiting.pop()
        kind = node.DESCRIPTOR.name
        if kind == "RangeFunction":
            yield node
        if kind != "SelectStmt":
            waiting += children(node)


def _fields(names: Iterable[str], known: frozenset[str]) -> None:
    for name in names:
        if name not in known:
            raise RefusedError(f"{name} after a dot is not a known field: it could be a call")


def _names(nodes: Iterable[Any]) -> Iterator[str]:
    for node in nodes:
        if node.WhichOneof("node") == "string":
            yield str(node.string.sval)


def _source(function: Any) -> tuple[str, frozenset[str]]:
    first = function.functions[0].list.items[0]
    is_call = first.WhichOneof("node") == "func_call"
    called = str(first.func_call.funcname[-1].string.sval) if is_call else ""
    alias = str(function.alias.aliasname) or called
    if not alias:
        raise RefusedError("an expression in FROM needs an alias")
    defined = (str(one.column_def.colname) for one in function.coldeflist)
    columns = {*_names(function.alias.colnames), *defined}
    if not columns and called in NAMED_BY_ALIAS:
        columns = {alias}
    if function.ordinality:
        columns.add("ordinality")
    return alias, frozenset(columns)
