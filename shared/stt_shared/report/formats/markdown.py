"""A report as Markdown (GitHub's dialect): for tickets, merge requests and wikis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from stt_shared.protocol.queries.reports import ReportedFinding
from stt_shared.protocol.records import Counts
from stt_shared.report import readable
from stt_shared.report.formats.report_context import ReportContext, acceptance
from stt_shared.report.remedy import paragraphs
from stt_shared.report.theme import clean, mark

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_NAME = re.compile(r"[a-z0-9_]+")
_TICKS = re.compile("`+")


def text(context: ReportContext) -> str:
    """The report: counts, findings as a table, how to fix each, not checked, accepted."""
    unchecked = [
        (_plain(one.target), _code(one.check_names), _plain(one.why))
        for one in context.unchecked_groups
    ]
    accepted = [
        (
            f"{mark(entry.finding.severity)} {entry.finding.severity}",
            _code(entry.result.check),
            _plain(entry.result.target),
            _plain(entry.text),
            _plain(acceptance(one)),
        )
        for entry in context.accepted
        if (one := entry.finding.accepted) is not None
    ]
    blocks = [
        f"# Security report, {readable.rfc3339(context.written)}{_plain(context.heading)}",
        *(f"> **Warning:** {_plain(gap)}" for gap in context.gaps),
        _counts(context),
        *_failures(context),
        *_section("Not checked", ("Database", "Check", "Why"), unchecked),
        *_section("Accepted", ("Severity", "Check", "Database", "Found", "By"), accepted),
        *_fixes(context),
        f"Run {_plain(context.report.run_id or 'none yet')}, written by STT {context.version}.",
    ]
    return "\n\n".join(blocks) + "\n"


def _plain(value: str) -> str:
    """Text on one line with Markdown escaped."""
    return _SPECIAL.sub(r"\\\1", clean(" ".join(value.split())))


def _code(name: str) -> str:
    """The name of a check as code; anything else as text."""
    return f"`{name}`" if _NAME.fullmatch(name) else _plain(name)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _counts(context: ReportContext) -> str:
    counts = context.report.summary
    heads = (
        "Critical",
        "Major",
        "Trivial",
        "Accepted",
        "Not checked",
        "Passed",
        "Databases checked",
    )
    row = (
        *map(str, (counts.critical, counts.major, counts.trivial)),
        f"{counts.accepted}{_baseline(counts)}",
        *map(str, (counts.not_checked, counts.passed)),
        f"{counts.targets_checked} of {counts.targets}",
    )
    return _table(heads, [row])


def _baseline(counts: Counts) -> str:
    return f", and {counts.baseline} in the baseline" if counts.baseline else ""


def _section(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"## {title}", _table(heads, rows)] if rows else []


def _failures(context: ReportContext) -> list[str]:
    rows = [
        (
            f"{mark(entry.finding.severity)} {entry.finding.severity}",
            _code(entry.result.check),
            _plain(entry.result.target),
            _plain(entry.result.site),
            readable.rfc3339(entry.finding.since)[:10],
            _plain(entry.text),
        )
        for entry in context.failures
    ]
    heads = ("Severity", "Check", "Database", "Site", "Since", "Found")
    if rows:
        return _section("Failed checks", heads, rows)
    return [
        "No failed checks; everything was checked." if context.complete else "No failed checks."
    ]


def _fixes(context: ReportContext) -> list[str]:
    """For each failed check its description, its remediation, and its id."""
    parts: list[str] = []
    for entry in context.failures:
        finding, result = entry.finding, entry.result
        parts.append(f"### {_plain(result.target)}: {_plain(entry.text)}")
        references = [_plain(text) for text in entry.references]
        parts += filter(None, [_plain(finding.description), *_fix(finding), *references])
        parts.append(f"`{finding.id}` {_code(result.check)}")
    return ["## How to fix", *parts] if parts else []


def _fix(finding: ReportedFinding) -> Iterator[str]:
    """Prose after its label, statements as blocks of code."""
    for one in paragraphs(finding):
        label = f"**{one.label}:**" if one.label and finding.fix is not None else ""
        if one.is_code:
            yield from filter(None, (label, _fenced(one.text)))
        else:
            yield f"{label} {_plain(one.text)}".strip()


def _fenced(code: str) -> str:
    """A block of code whose fence is longer than any fence in it."""
    shown = clean(code.rstrip(), keep="\n")
    longest = max((len(ticks) for ticks in _TICKS.findall(shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{shown}\n{fence}"
