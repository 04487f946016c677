"""The samples of a check: recorded rows, and the outcome that its script must return.

A file `samples.yaml` is a mapping with the list `samples`; other keys may contain what several
samples share by YAML anchors. Each sample has

    name      unique in the file, a sentence in snake case
    server    facts: flavour, version; version_text, provider, role and build if they matter
    docs      the rows of each query of the check, as its script gets them
    releases  the release data; default: that of the pack
    now       the time of the run, RFC 3339 in UTC; default: 2026-11-23T12:00:00Z
    expect    passed, failed, skipped or error
    reason    for skipped and error: text that the reason contains
    findings  for failed: severity, object, and if given summary and remediation, word for word,
              and implied_by, a list; without an object the summary says which finding is meant; a
              remediation is its text, or the whole dict

`error` means that the script cannot evaluate the rows; it must never return a pass for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from stt_shared.checkfile.document import DocumentError, Entry, entries, shown
from stt_shared.checkfile.remediation import fix_of
from stt_shared.clock import unix_nanoseconds
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Outcome, Severity
from stt_shared.protocol.messages import Cause, Fix

FIELDS = frozenset({"name", "server", "docs", "releases", "now", "expect", "reason", "findings"})
FACTS = frozenset({"flavour", "version", "version_text", "provider", "role", "build"})
FIELDS_OF_FINDING = frozenset({"severity", "object", "summary", "remediation", "implied_by"})
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An expected finding; an empty text is not compared."""

    severity: Severity
    object: str
    summary: str = ""
    remediation: str | Fix = ""  # a text is compared with that of the remediation
    implied_by: tuple[Cause, ...] | None = None  # None is not compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Rows of one server and the expected outcome; `releases` None: those of the pack."""

    name: str
    server: Mapping[str, Any]
    docs: list[Any]
    outcome: Outcome
    reason: str = ""
    findings: tuple[Expected, ...] = ()
    releases: Mapping[str, Any] | None = None
    now: datetime = field(default=NOON)

    def context(self, releases: Mapping[str, Any]) -> dict[str, Any]:
        """The `context` of the script, without the functions."""
        return {
            "server": dict(self.server),
            "releases": dict(self.releases if self.releases is not None else releases),
            "now": unix_nanoseconds(self.now),
        }


def parse_samples(text: str, source: str) -> tuple[Sample, ...]:
    """The samples in `text`; raises ConfigError with every fault and its line."""
    bad: list[DocumentError] = []
    found = entries(text, "samples", bad)
    samples: dict[str, Sample] = {}
    faults = [f"{source}:{error.line}: {error.message}" for error in bad]
    for entry in found:
        try:
            sample = _sample(entry)
        except ValueError as error:
            faults.append(f"{source}:{entry.line}: {error}")
            continue
        if sample.name in samples:
            faults.append(f"{source}:{entry.line}: name {sample.name!r} twice in this file")
        samples[sample.name] = sample
    if not samples and not faults:
        faults.append(f"{source}:1: no samples")
    if faults:
        raise ConfigError(f"the samples in {source} are invalid", faults=tuple(faults))
    return tuple(samples.values())


def _sample(entry: Entry) -> Sample:
    value = entry.value
    if unknown := sorted(value.keys() - FIELDS):
        raise ValueError(f"unknown field {unknown[0]!r}")
    outcome = Outcome(str(value.get("expect")))
    findings = tuple(_expected(one) for one in _list(value, "findings"))
    if (outcome is Outcome.FAILED) != bool(findings):
        raise ValueError("findings are required for an expected failure, and only allowed there")
    releases = value.get("releases")
    if releases is not None and not isinstance(releases, dict):
        raise ValueError(f"releases is {shown(releases)}, expected release data")
    now = value.get("now")
    try:
        at = NOON if now is None else datetime.fromisoformat(str(now))
    except ValueError as error:
        example = "expected a time such as 2026-11-23T12:00:00Z"
        raise ValueError(f"now is {shown(now)}, {example}") from error
    return Sample(
        name=_text(value, "name"),
        server=_server(value.get("server")),
        docs=_list(value, "docs"),
        outcome=outcome,
        reason=str(value.get("reason", "")),
        findings=findings,
        releases=cast("Mapping[str, Any] | None", releases),
        now=at if at.tzinfo else at.replace(tzinfo=UTC),
    )


def _text(value: Mapping[str, Any], key: str) -> str:
    text = value.get(key)
    if not isinstance(text, str) or not text:
        raise ValueError(f"{key} is {shown(text)}, expected a text")
    return text


def _list(value: Mapping[str, Any], key: str) -> list[Any]:
    items = value.get(key, [])
    if not isinstance(items, list):
        raise ValueError(f"{key} is {shown(items)}, expected a list")  # noqa: TRY004  # a fault of data
    return list(cast("list[object]", items))


def _server(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"server is {shown(value)}, expected facts")  # noqa: TRY004  # as above
    facts = cast("dict[str, Any]", value)
    if unknown := sorted(facts.keys() - FACTS):
        raise ValueError(f"server has the unknown field {unknown[0]!r}")
    _text(facts, "flavour")
    numbers = _list(facts, "version")
    text = ".".join(map(str, numbers))
    return {"version_text": text, "provider": "self-managed", "role": "", "build": ""} | facts


def _expected(value: object) -> Expected:
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {"": value}
    if fields.keys() - FIELDS_OF_FINDING:
        raise ValueError(f"a finding is {shown(fields)}, expected severity and object")
    named = "object" if fields.get("object") is not None or "summary" not in fields else "summary"
    return Expected(
        severity=Severity(str(fields.get("severity", ""))),
        object=_text(fields, named) if named == "object" else "",
        summary=str(fields.get("summary", "")),
        remediation=_remediation(fields.get("remediation", "")),
        implied_by=_causes(fields) if "implied_by" in fields else None,
    )


def _causes(fields: Mapping[str, Any]) -> tuple[Cause, ...]:
    try:
        return msgspec.convert(_list(fields, "implied_by"), type=tuple[Cause, ...])
    except msgspec.ValidationError as error:
        raise ValueError(
            f"implied_by is not a list of dicts with check and object: {error}"
        ) from error


def _remediation(value: object) -> str | Fix:
    return fix_of(cast("dict[str, Any]", value)) if isinstance(value, dict) else str(value)
