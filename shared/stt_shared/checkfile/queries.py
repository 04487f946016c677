"""Parse the queries of a check: read-only statements only, with a fault for each other one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from stt_shared.checkfile.document import shown
from stt_shared.checkfile.guard import GuardError, parse_guard
from stt_shared.checkfile.model import Guard, Query, QueryType
from stt_shared.checkfile.statements import mongodb_commands, privilege_tests, version_comments
from stt_shared.checkfile.statements.read_only import refusal

MAX_QUERIES = 64
MAX_NAME_CHARACTERS = 128
MAX_COLUMNS = 64  # marked as secret
FIELDS = frozenset({"type", "query", "parameters", "name", "when", "secret"})
WITH_TEXT = frozenset({"MYSQL_SHOW", "MYSQL_SELECT", "POSTGRESQL_SELECT", "CLICKHOUSE_SELECT"})
ANY_FAMILY = frozenset({"METRICS_INSTANT", "METRICS_RANGE", "CLICKHOUSE_SELECT"})
PARAMETERS = {QueryType.POSTGRESQL_SELECT: frozenset({"all_dbs"})}
DOCUMENTS: Mapping[QueryType, Callable[[Mapping[str, Any]], str]] = {  # with what is wrong in one
    QueryType.MONGODB_COMMAND: mongodb_commands.fault,
    QueryType.MONGODB_USERS: privilege_tests.fault,
}
# Parameters of PMM are texts, which Go reads as booleans.
TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})

# Records a fault at a key of a query: `(query, key, message)`.
Note = Callable[[object, str, str], None]
# The text of a number, boolean or null at a key of a mapping: `(key, mapping)`.
Written = Callable[[str, object], str | None]


@dataclass(frozen=True, slots=True)
class QueryReader:
    """Parses queries; with `strict` an unknown field is a fault."""

    note: Note
    written: Written
    strict: bool

    def read(self, value: object) -> tuple[Query, ...]:
        """The queries in a list."""
        items = cast("list[object]", value) if isinstance(value, list) else []
        if not items:
            self.note(items, "queries", "queries is missing or empty")
            return ()
        if len(items) > MAX_QUERIES:
            self.note(items, "queries", f"{len(items)} queries, the limit is {MAX_QUERIES}")
            return ()
        return tuple(query for place, item in enumerate(items) for query in self.query(item, place))

    def query(self, item: object, place: int = 0) -> Iterator[Query]:
        """The query in a mapping; with executable comments one variant for each version."""
        if not isinstance(item, dict):
            self.note(item, "queries", f"a query is {shown(item)}, expected a mapping")
            return
        query = cast("dict[str, Any]", item)
        if self.strict:
            for unknown in sorted(query.keys() - FIELDS):
                self.note(query, unknown, f"unknown field {unknown!r} in a query")
        kind = query.get("type")
        if not isinstance(kind, str) or kind not in set(QueryType):
            expected = ", ".join(QueryType)
            self.note(query, "type", f"query type is {shown(kind)}, expected one of {expected}")
            return
        one = Query(
            type=QueryType(kind),
            all_dbs=self._all_dbs(QueryType(kind), query),
            name=self._name(query),
            when=self._guard(query, query.get("when")),
            secret=self._secret(query),
        )
        yield from self._with_text(one, query, place)

    def _with_text(self, one: Query, query: dict[str, Any], place: int) -> Iterator[Query]:
        value = query.get("query")
        if not self.strict and not isinstance(value, str):
            value = self.written("query", query) or value
        if one.type in DOCUMENTS:
            yield replace(one, text=self._document(one.type, query, value))
        elif one.type not in WITH_TEXT:
            if one.type not in ANY_FAMILY and value not in (None, ""):
                self.note(query, "query", f"a query of type {one.type} has no text")
            yield one
        elif not isinstance(value, str) or not value.strip():
            self.note(query, "query", f"a query of type {one.type} needs a text")
        else:
            yield from self._checked(one, query, value.strip(), place)

    def _checked(self, one: Query, query: dict[str, Any], text: str, place: int) -> Iterator[Query]:
        texts = [("", text)]
        if not self.strict and one.when is None and version_comments.MARK in text:
            try:
                texts = version_comments.variants(text)
            except ValueError as error:
                self.note(query, "query", f"a query of type {one.type} is rejected: {error}")
                return
        for _, variant in texts:
            if why := refusal(one.type, variant):
                self.note(query, "query", f"a query of type {one.type} is rejected: {why}")
                return
        name = one.name or (f"query {place + 1}" if len(texts) > 1 else "")
        for when, variant in texts:
            guard = parse_guard(when) if when else one.when
            yield replace(one, text=variant, name=name, when=guard)

    def _name(self, query: dict[str, Any]) -> str:
        value = query.get("name")
        if value is None or value == "":
            return ""
        if not isinstance(value, str) or len(value) > MAX_NAME_CHARACTERS:
            limit = f"expected a text of at most {MAX_NAME_CHARACTERS} characters"
            self.note(query, "name", f"the name of a query is {shown(value)}, {limit}")
            return ""
        return value

    def _secret(self, query: dict[str, Any]) -> tuple[str, ...]:
        value: object = query.get("secret", [])
        columns = cast("list[object]", value) if isinstance(value, list) else [None]
        if len(columns) > MAX_COLUMNS or not all(isinstance(one, str) for one in columns):
            limit = f"expected a list of at most {MAX_COLUMNS} columns"
            self.note(query, "secret", f"secret is {shown(query.get('secret'))}, {limit}")
            return ()
        return tuple(map(str, columns))

    def _document(self, kind: QueryType, query: dict[str, Any], value: object) -> str:
        if not isinstance(value, dict) or not value:
            self.note(query, "query", f"a query of type {kind} needs a document")
            return ""
        document = cast("dict[str, Any]", value)
        if why := DOCUMENTS[kind](document):
            self.note(query, "query", why)
            return ""
        if kind is QueryType.MONGODB_COMMAND:
            document = mongodb_commands.in_order(document)
        return json.dumps(document, ensure_ascii=False)

    def _all_dbs(self, kind: QueryType, query: dict[str, Any]) -> bool:
        value: Any = query.get("parameters")
        if value is None or (kind in ANY_FAMILY and not self.strict):
            return False
        known = PARAMETERS.get(kind, frozenset[str]())
        if not isinstance(value, dict) or value.keys() - known:
            given = shown(query.get("parameters"))
            what = f"parameters of {kind} are {given}, known are {sorted(known)}"
            self.note(query, "parameters", what)
            return False
        if "all_dbs" not in value:
            return False
        asked: object = cast("dict[str, object]", value)["all_dbs"]
        text = asked if isinstance(asked, str) else self.written("all_dbs", cast("object", value))
        if text not in TRUE | FALSE:
            what = f"all_dbs is {shown(asked)}, expected true or false"
            self.note(query, "parameters", what)
        return text in TRUE

    def _guard(self, query: dict[str, Any], value: object) -> Guard | None:
        if value is None:
            return None
        try:
            if not isinstance(value, str):
                raise GuardError(f"{shown(value)} is not a text")  # noqa: TRY301  # reported like the others
            return parse_guard(value)
        except GuardError as error:
            self.note(query, "when", f"when: {error}")
            return None
