"""Parse a check file into checks and all faults.

Strict for checks of STT: an unknown field or a bad value is a fault. Lenient for files of PMM:
unknown fields are ignored, and an invalid check does not affect the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from stt_shared import identity
from stt_shared.checkfile.document import DocumentError, Entry, Fault, entries, shown
from stt_shared.checkfile.model import Check, Query
from stt_shared.checkfile.parts import Parts, part_ends, with_parts
from stt_shared.checkfile.queries import ANY_FAMILY, QueryReader
from stt_shared.protocol.enums import Family, Interval

MAX_SUMMARY_CHARACTERS = 100
MAX_SCRIPT_CHARACTERS = 200_000
MAX_TEXTS = 200  # aliases, references, or grants of a flavour
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,127}")
ENTRY_POINT = re.compile(r"^def\s+check_context\s*\(", re.MULTILINE)
FIELDS_OF_PMM = frozenset(
    {
        *("version", "name", "summary", "description", "type", "query", "family", "category"),
        *("subcategory", "advisor", "tiers", "interval", "queries", "script"),
    }
)
FIELDS = FIELDS_OF_PMM | {"aliases", "references", "privileges", "remediation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The valid checks of a file, and the faults of the others.

    `lines` has the line of the script of each check. `warnings` name what PMM would refuse.
    """

    checks: tuple[Check, ...]
    faults: tuple[Fault, ...]
    lines: Mapping[str, int]
    warnings: tuple[Fault, ...] = ()


def parse_checks(text: str, source: str, *, strict: bool, parts: Parts | None = None) -> Parsed:
    """The checks in `text`, with the `parts` that they name inserted; never raises."""
    bad: list[DocumentError] = []
    found = entries(text, "checks", bad)
    checks: dict[str, Check] = {}
    lines: dict[str, int] = {}
    warnings: list[Fault] = []
    faults = [Fault(source=source, line=error.line, message=error.message) for error in bad]
    for entry in found:
        reader = _Reader(entry, source, parts or {}, strict=strict)
        check = reader.check()
        faults += reader.faults
        if check is not None and not reader.faults:
            if check.name in checks:
                reader.fault("name", f"name {check.name!r} twice in this file")
                faults += reader.faults
            else:
                checks[check.name] = check
                lines[check.name] = entry.line_of("script")
                warnings += reader.warnings
    return Parsed(
        checks=tuple(checks.values()), faults=tuple(faults), lines=lines, warnings=tuple(warnings)
    )


def content_digest(value: Mapping[str, Any]) -> str:
    """The SHA-256 of the mapping of a check, independent of its notation."""
    words = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return identity.digest(words.encode(errors="surrogatepass"))


class _Reader:
    """Parses one check and collects its faults."""

    def __init__(self, entry: Entry, source: str, parts: Parts, *, strict: bool) -> None:
        self.entry = entry
        self.value = entry.value
        self.source = source
        self.strict = strict
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self.version = 2
        self.part_ends: tuple[int, ...] = ()
        try:
            self.value = with_parts(entry.value, parts)
            self.part_ends = part_ends(entry.value, parts)
        except ValueError as error:
            self.fault("parts", str(error))

    def fault(self, key: str, message: str, line: int | None = None) -> None:
        self.faults.append(self._placed(key, message, line))

    def _placed(self, key: str, message: str, line: int | None = None) -> Fault:
        name = self.value.get("name")
        return Fault(
            source=self.source,
            line=self.entry.line_of(key) if line is None else line,
            message=message,
            check=name if isinstance(name, str) else "",
        )

    def _warn(self) -> None:
        """Name what PMM refuses in its own files, and this reader ignores."""
        for key in sorted(self.entry.value.keys() - FIELDS_OF_PMM - {"technology"}):
            self.warnings.append(self._placed(key, f"PMM refuses the field {key!r}"))
        for key in ("family", "technology", "queries") if self.version == 1 else ():
            if key in self.value:
                self.warnings.append(self._placed(key, f"PMM refuses {key!r} in version 1"))

    def _scalar(self, key: str) -> object:
        """The value at `key`; in files of PMM a number or boolean is its text."""
        value = self.value.get(key)
        if self.strict or value is None or isinstance(value, str):
            return value
        written = self.entry.as_written(key)
        return value if written is None else written

    def check(self) -> Check | None:
        # Every value is read before the first return, so that all faults are reported at once.
        self.version = version = self._version()
        if self.strict:
            for key in sorted(self.value.keys() - FIELDS):
                self.fault(key, f"unknown field {key!r}")
        else:
            self._warn()
        name = self._scalar("name")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            self.fault("name", f"name is {shown(name)}, expected letters, digits and underscores")
            name = ""
        texts = self._required_texts()
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
            part_ends=self.part_ends,
            **texts,
        )

    def _version(self) -> int:
        version = self.value.get("version")
        if not self.strict and isinstance(version, float) and version.is_integer():
            version = int(version)
        if not isinstance(version, int) or isinstance(version, bool) or version not in {1, 2}:
            self.fault("version", f"version is {shown(version)}, expected 1 or 2")
            return 2
        return version

    def _optional(self, key: str) -> str:
        value = self._scalar(key) if key in self.value else ""
        if value is None and not self.strict:
            return ""
        if not isinstance(value, str):
            self.fault(key, f"{key} is {shown(value)}, expected text")
            return ""
        return value

    def _texts(self, key: str) -> tuple[str, ...]:
        return self._listed(key, key, self.value.get(key, []))

    def _listed(self, key: str, what: str, value: Any) -> tuple[str, ...]:
        given = shown(value)
        items = cast("list[object]", value) if isinstance(value, list) else None
        if items is None or len(items) > MAX_TEXTS:
            limit = f"expected a list of at most {MAX_TEXTS} texts"
            self.fault(key, f"{what} is {given}, {limit}")
            return ()
        if any(not isinstance(item, str) for item in items):
            self.fault(key, f"{what} must hold texts only")
        return tuple(map(str, items))

    def _privileges(self) -> dict[str, tuple[str, ...]]:
        value = self.value.get("privileges", {})
        if not isinstance(value, dict):
            self.fault("privileges", "privileges must map a flavour to a list of grants")
            return {}
        return {
            flavour: self._listed("privileges", f"privileges of {flavour!r}", grants)
            for flavour, grants in cast("dict[str, object]", value).items()
        }

    def _required_texts(self) -> dict[str, str]:
        """Summary, description and script; empty where one is missing."""
        found: dict[str, str] = {}
        for key in ("summary", "description", "script"):
            value = self._scalar(key)
            if not isinstance(value, str) or not value.strip():
                self.fault(key, f"{key} is missing or empty")
                value = ""
            found[key] = value
        summary, script = found["summary"], found["script"]
        if self.strict and len(summary) > MAX_SUMMARY_CHARACTERS:
            limit = f"the limit is {MAX_SUMMARY_CHARACTERS}"
            self.fault("summary", f"summary has {len(summary)} characters, {limit}")
        if "\t" in script:
            self.fault("script", "script contains a TAB")
        if len(script) > MAX_SCRIPT_CHARACTERS:
            limit = f"the limit is {MAX_SCRIPT_CHARACTERS}"
            self.fault("script", f"script has {len(script)} characters, {limit}")
        if script and not ENTRY_POINT.search(script):
            self.fault("script", "script does not define check_context(docs, context)")
        return found

    def _interval(self) -> Interval:
        value = self._scalar("interval") or Interval.STANDARD
        if not isinstance(value, str) or value not in set(Interval):
            expected = ", ".join(Interval)
            self.fault("interval", f"interval is {shown(value)}, expected one of {expected}")
            return Interval.STANDARD
        return Interval(value)

    def _family(self, version: int, queries: Iterable[Query]) -> Family | None:
        if version == 1:
            families: set[str | None] = {str(query.type).partition("_")[0] for query in queries}
            if "family" in self.value and self.strict:
                self.fault("family", "a check of version 1 has no family: its type defines it")
        else:
            text = self.value.get("family")
            if text is None and not self.strict:
                text = self.value.get("technology")  # its name in files of PMM since mid-2026
            families = {text if text is None or isinstance(text, str) else shown(text)}
        wanted = families.pop() if families else ""
        if (
            not isinstance(wanted, str)
            or wanted.lower() not in set(Family)
            or wanted != wanted.upper()
        ):
            expected = ", ".join(family.upper() for family in Family)
            self.fault("family", f"family is {shown(wanted)}, expected one of {expected}")
            return None
        for query in queries:
            if query.type not in ANY_FAMILY and not query.type.startswith(f"{wanted}_"):
                self.fault("queries", f"a query of type {query.type} in a check of {wanted}")
        return Family(wanted.lower())

    def _queries(self, version: int) -> tuple[Query, ...]:
        reader = QueryReader(self._note, self.entry.as_written, strict=self.strict)
        if version == 1:
            one = {"type": self._scalar("type"), "query": self._scalar("query")}
            return tuple(reader.query(one))
        for key in ("type", "query"):
            empty = () if self.strict else (None, "")
            if key in self.value and self.value[key] not in empty:
                self.fault(key, f"a check of version 2 has queries instead of {key}")
        return reader.read(self.value.get("queries"))

    def _note(self, query: object, key: str, message: str) -> None:
        """Record a fault in a query; a query from a part is reported at the line of the check."""
        if self.version == 1:
            self.fault(key, message)
        else:
            self.fault("queries", message, self.entry.line_of(key, within=query, instead="queries"))
