"""Filters and globals of the templates: times, ages, numbers and links as text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from litestar import Request

from stt_coordinator.web.chart import highest
from stt_coordinator.web.login.identity import Identity, identity_of
from stt_shared import clock
from stt_shared.protocol.control import TargetInfo, UncheckedTarget
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.findings import FindingReply
from stt_shared.protocol.messages import Facts, PartNotChecked
from stt_shared.protocol.queries.history import Difference
from stt_shared.report import readable
from stt_shared.report.counts import parts_sentence
from stt_shared.report.remedy import Paragraph, paragraphs
from stt_shared.report.theme import MARKS
from stt_shared.report.views import diff

BOXES = {  # names of the boxes of code, by the part of a remediation
    "before": "Query to run before",
    "fix": "Statements that fix it",
    "undo": "Statements that undo it",
}
FRESH_S = 60.0
GROUPS = {"check": "check", "target": "database", "site": "site"}  # what findings are grouped by


def ago(at: datetime | None) -> str:
    """How long ago, e.g. `3 h 5 min ago`, `just now`, or `never`."""
    if at is None:
        return "never"
    past = clock.now() - at
    return "just now" if past.total_seconds() < FRESH_S else f"{readable.span(past)} ago"


def moment(at: datetime | None) -> str:
    """An instant in its shortest clear form."""
    return readable.moment(at, clock.now()) if at else ""


def change(number: int | None) -> str:
    """A change since yesterday as text."""
    if number is None:
        return "no comparison yet (first day)"
    return f"{number:+d} since yesterday" if number else "no change since yesterday"


def thousands(number: int) -> str:
    """A number with thin gaps: `6 158`."""
    return f"{number:,}".replace(",", "\u202f")


def query(**fields: Any) -> str:
    """The query part of an address; empty values are left out."""
    pairs = {key: value for key, value in fields.items() if value not in ("", None, (), [])}
    return f"?{urlencode(pairs, doseq=True)}" if pairs else ""


def why(row: UncheckedTarget | TargetInfo | FindingReply) -> str:
    """The reason why a database is not checked, or which parts of it are not."""
    parts = () if isinstance(row, UncheckedTarget) else row.parts_not_checked
    return readable.kind(row.kind, row.reason) or readable.parts(parts)


def claiming_sites(one: TargetInfo) -> list[str]:
    """Other sites that claim the target, sorted."""
    return sorted({claim.site for claim in one.claims} - {one.site})


def part_why(one: PartNotChecked) -> str:
    """The reason why a part of a database was not checked."""
    return readable.kind(one.kind, one.reason)


def server(facts: Facts | None) -> str:
    """Product and version of a server."""
    return readable.server(facts) if facts else ""


def age(at: datetime | None) -> str:
    """How long a finding has been there."""
    return readable.age(at, clock.now())


def user(request: Request[Any, Any, Any]) -> Identity | None:
    """The identity of the request; None without a login or for an unknown address."""
    return identity_of(request.scope)


def may(request: Request[Any, Any, Any], role: str) -> bool:
    """Whether the identity of the request has `role` or more."""
    who = user(request)
    return who is not None and who.may(role)


def seconds(number: int | None) -> str:
    """A length of time given in seconds; empty for none."""
    return "" if number is None else readable.span(timedelta(seconds=number))


def difference(one: Difference) -> str:
    """The change of a finding as text."""
    return diff.what(one, clock.now())


def sentence(text: str) -> str:
    """A message as a sentence: it begins with a capital letter and ends with a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def cell(value: object) -> str:
    """A value as databases write it: nothing for null, `true` and `false`."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


FILTERS: dict[str, Callable[..., str | list[str] | list[Paragraph] | bool]] = {
    "ago": ago,
    "moment": moment,
    "rfc3339": readable.rfc3339,
    "change": change,
    "thousands": thousands,
    "why": why,
    "parts_sentence": parts_sentence,
    "target_parts": readable.target_parts,
    "claiming_sites": claiming_sites,
    "claimants": readable.claimants,
    "part_why": part_why,
    "server": server,
    "span": readable.span,
    "size": readable.size,
    "age": age,
    "seconds": seconds,
    "difference": difference,
    "sentence": sentence,
    "cell": cell,
    "labels": readable.labels,
    "remedy": paragraphs,
    "is_web_link": readable.is_web_link,
}
GLOBALS: dict[str, Any] = {
    "user": user,
    "may": may,
    "query": query,
    "highest": highest,
    "MARKS": {str(severity): mark for severity, mark in MARKS.items()},
    "SEVERITIES": [str(severity) for severity in Severity],
    "GROUPS": GROUPS,
    "BOXES": BOXES,
    "FAMILIES": {str(family): name for family, name in readable.FAMILIES.items()},
}
