"""A check file to checks, or to every fault in it at once.

Strict for our own checks: an unknown field or a bad value is a fault. Liberal for PMM's files:
what is not known is ignored, and an invalid check is reported while the others are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from stt_shared import identity
from stt_shared.checkfile import mongodb_commands
from stt_shared.checkfile.document import DocumentError, Entry, Fault, entries
from stt_shared.checkfile.guard import GuardError, parse_guard
from stt_shared.checkfile.model import Check, Guard, Query, QueryType
from stt_shared.checkfile.parts import Parts, with_parts
from stt_shared.checkfile.statements.judge import refusal
from stt_shared.protocol.words import Family, Interval

MAX_SUMMARY_CHARACTERS = 100
MAX_SCRIPT_CHARACTERS = 200_000
MAX_QUERIES = 64
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,127}")
ENTRY_POINT = re.compile(r"^def\s+check_context\s*\(", re.MULTILINE)
FIELDS_OF_PMM = frozenset(
    {
        *("version", "name", "summary", "description", "type", "query", "family", "category"),
        *("subcategory", "advisor", "tiers", "interval", "queries", "script"),
    }
)
FIELDS = FIELDS_OF_PMM | {"aliases", "references", "privileges", "remediation"}
FIELDS_OF_QUERY = frozenset({"type", "query", "parameters", "name", "when", "secret"})
WITH_TEXT = frozenset({"MYSQL_SHOW", "MYSQL_SELECT", "POSTGRESQL_SELECT", "CLICKHOUSE_SELECT"})
ANY_FAMILY = frozenset({"METRICS_INSTANT", "METRICS_RANGE", "CLICKHOUSE_SELECT"})
PARAMETERS = {QueryType.POSTGRESQL_SELECT: frozenset({"all_dbs"})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The good checks of a file, and what is wrong with the rest."""

    checks: tuple[Check, ...]
    faults: tuple[Fault, ...]


def parse_checks(text: str, source: str, *, strict: bool, parts: Parts | None = None) -> Parsed:
    """The checks in `text`, with the `parts` they name in them; never raises."""
    bad: list[DocumentError] = []
    found: list[Entry] = []
    try:
        found = entries(text, "checks", bad)
    except DocumentError as error:
        bad = [error]
    checks: list[Check] = []
    faults = [Fault(source=source, line=error.line, message=error.message) for error in bad]
    for entry in found:
        reader = _Reader(entry, source, parts or {}, strict=strict)
        check = reader.check()
        faults += reader.faults
        if check is not None and not reader.faults:
            if any(check.name == other.name for other in checks):
                reader.fault("name", f"name {check.name!r} twice in this file")
                faults += reader.faults
            else:
                checks.append(check)
    return Parsed(checks=tuple(checks), faults=tuple(faults))


def content_digest(value: Mapping[str, Any]) -> str:
    """The SHA-256 of a check's own mapping, the same however it was written down."""
    words = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return identity.digest(words.encode(errors="surrogatepass"))


class _Reader:
    """Reads one check and collects its faults."""

    def __init__(self, entry: Entry, source: str, parts: Parts, *, strict: bool) -> None:
        self.entry = entry
        self.value = entry.value
        self.source = source
        self.strict = strict
        self.faults: list[Fault] = []
        try:
            self.value = with_parts(entry.value, parts)
        except ValueError as error:
            self.fault("parts", str(error))

    def fault(self, key: str, message: str) -> None:
        name = self.value.get("name")
        self.faults.append(
            Fault(
                source=self.source,
                line=self.entry.line_of(key),
                message=message,
                check=name if isinstance(name, str) else "",
            )
        )

    def check(self) -> Check | None:
        version = self._version()
        self._unknown_fields()
        name = self._name()
        texts = {key: self._text(key) for key in ("summary", "description", "script")}
        self._rules_of_texts(texts["summary"], texts["script"])
        queries = self._queries(version)
        family = self._family(version, queries)
        interval = self._interval()
        aliases, references = self._texts("aliases"), self._texts("references")
        privileges, remediation = self._privileges(), self._optional("remediation")
        category = self._optional("category")
        if self.faults or family is None:
            return None
        return Check(
            name=name,
            version=version,
            family=family,
            queries=queries,
            digest=content_digest(self.value),
            interval=interval,
            category=category,
            aliases=aliases,
            references=references,
            privileges=privileges,
            remediation=remediation,
            ours=self.strict,
            **texts,
        )

    def _version(self) -> int:
        version = self.value.get("version")
        if version not in (1, 2):
            self.fault("version", f"version is {version!r}, expected 1 or 2")
            return 2
        return int(version)

    def _unknown_fields(self) -> None:
        if self.strict:
            for key in self.value.keys() - FIELDS:
                self.fault(key, f"unknown field {key!r}")

    def _name(self) -> str:
        name = self.value.get("name")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            self.fault("name", f"name is {name!r}, expected letters, digits and underscores")
            return ""
        return name

    def _text(self, key: str) -> str:
        value = self.value.get(key)
        if not isinstance(value, str) or not value.strip():
            self.fault(key, f"{key} is missing or empty")
            return ""
        return value

    def _optional(self, key: str) -> str:
        value = self.value.get(key, "")
        if not isinstance(value, str):
            self.fault(key, f"{key} is {value!r}, expected text")
            return ""
        return value

    def _texts(self, key: str) -> tuple[str, ...]:
        value = self.value.get(key, [])
        if not isinstance(value, list):
            self.fault(key, f"{key} is {value!r}, expected a list of texts")
            return ()
        items = cast("list[object]", value)
        if any(not isinstance(item, str) for item in items):
            self.fault(key, f"{key} must hold texts only")
        return tuple(str(item) for item in items)

    def _privileges(self) -> dict[str, tuple[str, ...]]:
        value = self.value.get("privileges", {})
        if not isinstance(value, dict):
            self.fault("privileges", "privileges must map a flavour to a list of grants")
            return {}
        found: dict[str, tuple[str, ...]] = {}
        for flavour, grants in cast("dict[object, object]", value).items():
            if not isinstance(grants, list):
                self.fault("privileges", f"privileges of {flavour!r} must be a list of grants")
                continue
            found[str(flavour)] = tuple(str(grant) for grant in cast("list[object]", grants))
        return found

    def _rules_of_texts(self, summary: str, script: str) -> None:
        if self.strict and len(summary) > MAX_SUMMARY_CHARACTERS:
            limit = f"the limit is {MAX_SUMMARY_CHARACTERS}"
            self.fault("summary", f"summary has {len(summary)} characters, {limit}")
        if "\t" in script:
            self.fault("script", "script holds a TAB")
        if len(script) > MAX_SCRIPT_CHARACTERS:
            limit = f"the limit is {MAX_SCRIPT_CHARACTERS}"
            self.fault("script", f"script has {len(script)} characters, {limit}")
        if script and not ENTRY_POINT.search(script):
            self.fault("script", "script does not define check_context(docs, context)")

    def _interval(self) -> Interval:
        value = self.value.get("interval") or Interval.STANDARD
        if value not in set(Interval):
            expected = ", ".join(Interval)
            self.fault("interval", f"interval is {value!r}, expected one of {expected}")
            return Interval.STANDARD
        return Interval(value)

    def _family(self, version: int, queries: Iterable[Query]) -> Family | None:
        if version == 1:
            families = {str(query.type).split("_", maxsplit=1)[0] for query in queries}
            if "family" in self.value and self.strict:
                self.fault("family", "a check of version 1 has no family, its type says it")
        else:
            families = {str(self._said_family())}
        wanted = families.pop() if families else ""
        if wanted.lower() not in set(Family) or wanted != wanted.upper():
            expected = ", ".join(family.upper() for family in Family)
            self.fault("family", f"family is {wanted!r}, expected one of {expected}")
            return None
        self._fitting(wanted, queries)
        return Family(wanted.lower())

    def _said_family(self) -> object:
        """The family; files of PMM since the middle of 2026 call it technology."""
        said = self.value.get("family")
        return self.value.get("technology") if said is None and not self.strict else said

    def _fitting(self, family: str, queries: Iterable[Query]) -> None:
        for query in queries:
            if query.type not in ANY_FAMILY and not query.type.startswith(f"{family}_"):
                self.fault("queries", f"a query of type {query.type} in a check of {family}")

    def _queries(self, version: int) -> tuple[Query, ...]:
        if version == 1:
            one = {"type": self.value.get("type"), "query": self.value.get("query")}
            return tuple(filter(None, [self._query(one, "type")]))
        for key in ("type", "query"):
            if key in self.value:
                self.fault(key, f"a check of version 2 has no {key}, but queries")
        value = self.value.get("queries")
        if not isinstance(value, list) or not value:
            self.fault("queries", "queries is missing or empty")
            return ()
        items = cast("list[object]", value)
        if len(items) > MAX_QUERIES:
            self.fault("queries", f"{len(items)} queries, the limit is {MAX_QUERIES}")
            return ()
        return tuple(filter(None, (self._query(item, "queries") for item in items)))

    def _query(self, item: object, key: str) -> Query | None:
        if not isinstance(item, dict):
            self.fault(key, f"a query is {item!r}, expected a mapping")
            return None
        query = cast("dict[str, Any]", item)
        if self.strict:
            for unknown in query.keys() - FIELDS_OF_QUERY:
                self.fault(key, f"unknown field {unknown!r} in a query")
        kind = query.get("type")
        if kind not in set(QueryType):
            self.fault(key, f"query type is {kind!r}, expected one of {', '.join(QueryType)}")
            return None
        kind = QueryType(kind)
        return Query(
            type=kind,
            text=self._query_text(kind, query.get("query"), key),
            all_dbs=self._all_dbs(kind, query.get("parameters"), key),
            name=str(query.get("name") or ""),
            when=self._guard(query.get("when"), key),
            secret=self._secret(query.get("secret", []), key),
        )

    def _secret(self, value: object, key: str) -> tuple[str, ...]:
        columns = cast("list[object]", value) if isinstance(value, list) else [None]
        if not all(isinstance(column, str) for column in columns):
            self.fault(key, f"secret is {value!r}, expected a list of columns")
            return ()
        return tuple(str(column) for column in columns)

    def _query_text(self, kind: QueryType, value: object, key: str) -> str:
        if kind is QueryType.MONGODB_COMMAND:
            return self._command(value, key)
        if kind in WITH_TEXT:
            if not isinstance(value, str) or not value.strip():
                self.fault(key, f"a query of type {kind} needs a text")
                return ""
            if why := refusal(kind, value.strip()):
                self.fault(key, f"a query of type {kind} is refused: {why}")
            return value.strip()
        if kind not in ANY_FAMILY and value not in (None, ""):
            self.fault(key, f"a query of type {kind} has no text")
        return ""

    def _command(self, value: object, key: str) -> str:
        if not isinstance(value, dict) or not value:
            self.fault(key, "a query of type MONGODB_COMMAND needs a document")
            return ""
        document = cast("dict[str, Any]", value)
        if why := mongodb_commands.fault(document):
            self.fault(key, why)
            return ""
        return json.dumps(mongodb_commands.in_order(document), ensure_ascii=False)

    def _all_dbs(self, kind: QueryType, value: object, key: str) -> bool:
        if value is None:
            return False
        known = PARAMETERS.get(kind, frozenset())
        if not isinstance(value, dict) or (self.strict and value.keys() - known):
            self.fault(key, f"parameters of {kind} are {value!r}, known are {sorted(known)}")
            return False
        return cast("dict[str, object]", value).get("all_dbs") is True and "all_dbs" in known

    def _guard(self, value: object, key: str) -> Guard | None:
        if value is None:
            return None
        try:
            return parse_guard(str(value))
        except GuardError as error:
            self.fault(key, f"when: {error}")
            return None
