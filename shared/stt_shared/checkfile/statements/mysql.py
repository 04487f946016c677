"""Allow a SELECT or SHOW of MySQL and MariaDB that only reads, and reject everything else.

A statement has to pass three stages. Lexer: only tokens that every mode of the server reads alike.
Words: no writing keyword outside of strings, and only known functions before a parenthesis.
Structure: only known clauses in the parse tree, and only tables of the server itself. Other tables
may be views, and a view can call a function of its owner with the rights of the reader.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlglot
from sqlglot import exp

from stt_shared.checkfile.statements.mysql_lexer import Kind, Token, tokens
from stt_shared.checkfile.statements.mysql_show import condition_of
from stt_shared.checkfile.statements.names import listed
from stt_shared.checkfile.statements.refused import RefusedError

FUNCTIONS = "mysql_functions.txt"
# Not sys: it consists of views, and a server that comes without it lets a tenant create it.
SCHEMAS = frozenset({"mysql", "information_schema", "performance_schema"})
SCHEMAS_IN_CAPITALS = frozenset({"INFORMATION_SCHEMA", "PERFORMANCE_SCHEMA"})
NOT_A_TABLE = "DUAL"
# Keywords that may precede a parenthesis and are not calls.
BEFORE_PARENTHESIS = frozenset(
    {
        *("SELECT", "FROM", "WHERE", "HAVING", "ON", "USING", "BY", "AS", "ALL", "DISTINCT"),
        *("AND", "OR", "XOR", "NOT", "IN", "EXISTS", "ANY", "SOME", "UNION", "EXCEPT", "INTERSECT"),
        *("LIKE", "REGEXP", "RLIKE", "BETWEEN", "IS", "ESCAPE", "DIV", "OF", "MEMBER", "BINARY"),
        *("CASE", "WHEN", "THEN", "ELSE", "OVER", "COLUMNS", "LIMIT", "JOIN", "LATERAL", "AGAINST"),
        *("PARTITION", "INTERVAL", "RETURNING", "ROW"),
        *("CHAR", "VARCHAR", "VARBINARY", "DECIMAL", "NUMERIC", "FLOAT", "DOUBLE"),
        *("INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "DATETIME", "TIMESTAMP", "TIME"),
    }
)
# The parse tree decides; these words never occur in a reading statement, whatever the tree is.
ACTING = frozenset(
    {
        *("INTO", "OUTFILE", "DUMPFILE", "PROCEDURE", "HANDLER", "CALL", "DO", "LOAD", "INSERT"),
        *("UPDATE", "DELETE", "SET", "EXECUTE", "PREPARE", "LOCK", "SHARE", "TABLE", "TRUNCATE"),
        *("CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "KILL", "SHUTDOWN", "NEXTVAL", "CURRVAL"),
        *("LASTVAL", "SETVAL", "NEXT", "PREVIOUS", "SYSTEM_TIME"),
    }
)
ALLOWED: tuple[type[exp.Expr], ...] = (
    *(exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery, exp.With, exp.CTE),
    *(exp.From, exp.Table, exp.TableAlias, exp.Join, exp.Lateral, exp.Where, exp.Group, exp.Having),
    *(exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct, exp.Identifier, exp.Column),
    *(exp.Star, exp.Literal, exp.Null, exp.Boolean, exp.Alias, exp.Paren, exp.Tuple, exp.Var),
    *(exp.Condition, exp.DataType, exp.DataTypeParam, exp.Interval, exp.IntervalSpan, exp.Rollup),
    *(exp.Window, exp.WindowSpec, exp.SessionParameter, exp.JSONColumnDef, exp.JSONSchema),
    *(
        exp.JSONPath,
        exp.JSONPathPart,
        exp.CharacterSet,
        exp.Introducer,
        exp.JSONValue,
        exp.National,
    ),
)
# Subclasses of the above that write, are placeholders, or name user-defined code.
REFUSED: tuple[type[exp.Expr], ...] = (
    *(exp.Lock, exp.Into, exp.Hint, exp.Command, exp.Parameter, exp.Placeholder),
    *(exp.PropertyEQ, exp.Dot, exp.NextValueFor),
)


def refusal(text: str) -> str:
    """Why `SELECT {text}` may not be sent; an empty text if it may."""
    try:
        _select(text)
    except RefusedError as error:
        return str(error)
    return ""


def show_refusal(text: str) -> str:
    """Why `SHOW {text}` may not be sent; an empty text if it may."""
    try:
        found, plain = tokens(text)
        condition = condition_of(found)
        if condition:
            # The condition of SHOW ... WHERE is that of a SELECT, subqueries included.
            _select(f"1 FROM {NOT_A_TABLE} WHERE {plain.partition(condition)[2]}")
    except RefusedError as error:
        return str(error)
    return ""


def _select(text: str) -> None:
    found, plain = tokens(text)
    _by_word(found)
    try:
        trees = sqlglot.parse(f"SELECT {plain}", dialect="mysql")
    # A named edge: any exception of the parser means that the text cannot be parsed.
    except Exception as error:
        raise RefusedError("the query cannot be parsed as one SELECT of MySQL") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise RefusedError("the query cannot be parsed as one SELECT of MySQL")
    _by_structure(trees[0])


def _by_word(found: Sequence[Token]) -> None:
    functions = listed(FUNCTIONS)
    for before, token, after in zip([None, *found], found, [*found[1:], None], strict=False):
        if token.kind is Kind.WORD and token.word in ACTING:
            raise RefusedError(f"{token.word} is not allowed in a query")
        if token.text == "@":
            raise RefusedError("a variable of the session is not allowed in a query")
        if after is None or after.text != "(" or token.kind in {Kind.SIGN, Kind.NUMBER}:
            continue
        if before is not None and before.text == ".":
            raise RefusedError(f"{token.text} is called in a schema: only built-in functions are")
        if token.kind is Kind.WORD and token.word in BEFORE_PARENTHESIS:
            continue
        if token.word not in functions:
            raise RefusedError(f"function {token.text} is not on the list of those that only read")


def _by_structure(root: exp.Expr) -> None:
    """Check every node of a tree, each table against the names of the visible CTEs."""
    waiting: list[tuple[exp.Expr, frozenset[str]]] = [(root, frozenset())]
    while waiting:
        node, known = waiting.pop()
        if isinstance(node, REFUSED) or not isinstance(node, ALLOWED):
            raise RefusedError(f"{type(node).__name__.upper()} is not allowed in a query")
        if isinstance(node, exp.Table):
            _own_table(node, known)
        clause = node.args.get("with_")
        if isinstance(clause, exp.With):
            # Each CTE sees the earlier ones, and itself if it is recursive.
            for one in clause.expressions:
                later = known | {str(one.alias)}
                waiting.append((one, later if clause.args.get("recursive") else known))
                known = later
        waiting += [(child, known) for child in node.iter_expressions() if child is not clause]


def _own_table(table: exp.Table, known: frozenset[str]) -> None:
    if not isinstance(table.this, exp.Identifier):
        return  # a function such as JSON_TABLE; its name was checked as a word
    name, schema = str(table.name), str(table.db)
    if table.catalog:
        raise RefusedError(f"table {table.catalog}.{schema}.{name} has too many parts")
    if not schema and (name in known or name.upper() == NOT_A_TABLE):
        return
    if schema not in SCHEMAS | SCHEMAS_IN_CAPITALS:
        place = f"{schema}.{name}" if schema else name
        allowed = ", ".join(sorted(SCHEMAS))
        raise RefusedError(f"table {place} is in none of {allowed}")
