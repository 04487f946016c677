"""Allow a SELECT of PostgreSQL that only reads, and reject everything else.

The parse tree is that of PostgreSQL's own parser. Each node must be of a known kind; each function,
operator, type and table must be part of the server: user-defined ones can run code of their owner
with the rights of our account. An unqualified name means pg_catalog, because the session pins
search_path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import postgast

from stt_shared.checkfile.statements import postgresql_dots
from stt_shared.checkfile.statements.limits import MAX_TOKENS
from stt_shared.checkfile.statements.names import listed
from stt_shared.checkfile.statements.postgresql_dots import FUNCTIONS
from stt_shared.checkfile.statements.refused import RefusedError

SCHEMAS = frozenset({"pg_catalog", "information_schema"})
OURS = frozenset({("stt", "password_kinds"), ("stt", "file_times")})  # made by `stt grants`
RUNS_TEXT = "ts_stat"  # executes its argument: allowed for literals that pass the same checks
NODES = frozenset(
    {
        *("Node", "List", "String", "Integer", "Float", "Boolean", "BitString", "A_Const"),
        *("SelectStmt", "ResTarget", "ColumnRef", "A_Star", "Alias", "WithClause"),
        *(
            "CommonTableExpr",
            "RangeVar",
            "RangeSubselect",
            "RangeFunction",
            "JoinExpr",
            "ColumnDef",
        ),
        *("A_Expr", "BoolExpr", "BooleanTest", "NullTest", "SubLink", "CaseExpr", "CaseWhen"),
        *("CoalesceExpr", "MinMaxExpr", "FuncCall", "NamedArgExpr", "TypeCast", "TypeName"),
        *("CollateClause", "A_ArrayExpr", "A_Indirection", "A_Indices", "RowExpr", "SortBy"),
        *(
            "WindowDef",
            "GroupingSet",
            "GroupingFunc",
            "SQLValueFunction",
            "XmlExpr",
            "XmlSerialize",
        ),
        *("JsonObjectConstructor", "JsonArrayConstructor", "JsonKeyValue", "JsonValueExpr"),
        *("JsonFormat", "JsonOutput", "JsonReturning", "JsonIsPredicate"),
    }
)
# Other nodes that name an object, and the field with the name.
NAMES = {
    "A_Expr": ("operator", "name"),
    "SubLink": ("operator", "oper_name"),
    "SortBy": ("operator", "use_op"),
    "TypeName": ("type", "names"),
    "CollateClause": ("collation", "collname"),
}
PARTS = 2  # of a name: schema and object
MAX_DEPTH_OF_TEXTS = 1
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HINT = re.compile(r"/\*[!+]")


def refusal(text: str) -> str:
    """Why `SELECT {text}` may not be sent; an empty text if it may."""
    try:
        _check(f"SELECT {text}", 0)
    except RefusedError as error:
        return str(error)
    return ""


def _check(sql: str, depth: int) -> None:
    _lexically(sql)
    try:
        tree = postgast.parse(sql)
    except postgast.PgQueryError as error:
        raise RefusedError(f"the query cannot be parsed: {error}") from error
    # A named edge: any other exception of the tree walk means that the text cannot be parsed.
    except Exception as error:
        raise RefusedError(f"the query is nested too deeply ({type(error).__name__})") from error
    if len(tree.stmts) != 1 or tree.stmts[0].stmt_len:
        raise RefusedError("a semicolon is not allowed: a query is one statement")
    statement = tree.stmts[0].stmt
    if statement.WhichOneof("node") != "select_stmt":
        raise RefusedError("the query is not a SELECT")
    waiting: list[Any] = [statement]
    while waiting:
        node = waiting.pop()
        _node(node, depth)
        waiting += postgresql_dots.children(node)
    postgresql_dots.check(statement)


def _lexically(sql: str) -> None:
    """Reject a text that the server could split differently from the parser, and hints."""
    if _CONTROL.search(sql):
        raise RefusedError("the query contains a control character")
    try:
        written = sql.encode()
        found = postgast.scan(sql).tokens
    except (UnicodeEncodeError, postgast.PgQueryError) as error:
        raise RefusedError(f"the query cannot be parsed: {error}") from error
    if len(found) > MAX_TOKENS:
        raise RefusedError(f"the query has {len(found)} tokens, the limit is {MAX_TOKENS}")
    for token in found:
        part = written[token.start : token.end].decode(errors="replace")
        # With standard_conforming_strings = off such a string has a different end.
        if part.startswith("'") and "\\'" in part:
            raise RefusedError(
                "a backslash before a quote is read differently by different servers"
            )
        if _HINT.match(part):
            raise RefusedError(f"a hint, {part[:12]!r}, is not allowed")


def _node(node: Any, depth: int) -> None:
    kind = node.DESCRIPTOR.name
    if kind not in NODES:
        raise RefusedError(f"{kind} is not allowed in a query")
    if kind == "RangeVar":
        _own("table", [*filter(None, [node.catalogname, node.schemaname]), node.relname])
    elif kind == "FuncCall":
        _function(node, depth)
    elif kind in NAMES:
        what, field = NAMES[kind]
        _own(what, _words(getattr(node, field)))


def _words(names: Iterable[Any]) -> list[str]:
    return [str(name.string.sval) for name in names]


def _own(what: str, names: Sequence[str]) -> None:
    """Reject a name in a schema that is not part of the server."""
    if len(names) > PARTS or (len(names) == PARTS and names[0] not in SCHEMAS):
        allowed = ", ".join(sorted(SCHEMAS))
        raise RefusedError(f"{what} {'.'.join(names)} is in none of {allowed}")


def _function(node: Any, depth: int) -> None:
    names = _words(node.funcname)
    if tuple(names) in OURS:
        return
    _own("function", names)
    if names[-1] == RUNS_TEXT:
        _run_texts(node, depth)
    elif names[-1] not in listed(FUNCTIONS):
        raise RefusedError(f"function {names[-1]} is not on the list of those that only read")


def _run_texts(node: Any, depth: int) -> None:
    """Check every text that a call of ts_stat can run: its argument must consist of literals."""
    if depth >= MAX_DEPTH_OF_TEXTS:
        raise RefusedError(f"{RUNS_TEXT} within {RUNS_TEXT} is not allowed")
    if not node.args:
        raise RefusedError(f"{RUNS_TEXT} has no text to run")
    for text in _literals(node.args[0]):
        if "\\" in text:
            raise RefusedError(f"a backslash is not allowed in a text that {RUNS_TEXT} runs")
        _check(text, depth + 1)


def _literals(argument: Any) -> Iterator[str]:
    """The possible texts of `argument`: a literal, or a CASE whose results are literals."""
    kind = argument.WhichOneof("node")
    if kind == "a_const" and argument.a_const.WhichOneof("val") == "sval":
        yield str(argument.a_const.sval.sval)
    elif kind == "case_expr":
        for one in argument.case_expr.args:
            yield from _literals(one.case_when.result)
        yield from _literals(argument.case_expr.defresult)
    else:
        raise RefusedError(f"{RUNS_TEXT} runs its argument, which must consist of literals")
