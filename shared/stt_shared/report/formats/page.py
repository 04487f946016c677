"""A report as one HTML file without scripts and external resources, light and dark, printable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from stt_shared.protocol.enums import Severity
from stt_shared.report import readable
from stt_shared.report.formats.report_context import Entry, ReportContext, acceptance
from stt_shared.report.objects import jsonl_text
from stt_shared.report.remedy import paragraphs
from stt_shared.report.theme import clean, mark

TEMPLATE = "report.html"


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one check, most severe first."""

    check: str
    title: str
    description: str
    references: tuple[str, ...]
    entries: list[Entry]

    @property
    def severity(self) -> Severity:
        """The severity of the worst finding."""
        return self.entries[0].finding.severity


def text(context: ReportContext) -> str:
    """The page as HTML."""
    counts = context.report.summary
    amounts = (counts.critical, counts.major, counts.trivial)
    return _template().render(
        context=context,
        report=context.report,
        counts=counts,
        numbers=list(zip(Severity, amounts, strict=True)),
        groups=groups(context),
        number=readable.number,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    filters: dict[str, Any] = {
        "rfc3339": readable.rfc3339,
        "mark": mark,
        "acceptance": acceptance,
        "json": _json,
        "labels": readable.labels,
        "remedy": paragraphs,
    }
    environment.filters.update(filters)
    return environment.get_template(TEMPLATE)


def _shown(value: object) -> object:
    """`value` without bidirectional controls: a name from a database must not reorder the text."""
    return clean(value, keep="\n") if type(value) is str else value


def _json(rows: Iterable[object]) -> str:
    return jsonl_text(rows).rstrip()


def groups(context: ReportContext) -> list[Group]:
    """The findings by check, sorted by the worst finding."""
    by_check = sorted(context.failures, key=lambda entry: entry.result.check)
    found: list[Group] = []
    for name, entries in groupby(by_check, key=lambda entry: entry.result.check):
        check = context.checks.get(name)
        found.append(
            Group(
                check=name,
                title=context.title(name),
                description=check.description if check is not None else "",
                references=check.references if check is not None else (),
                entries=sorted(entries, key=lambda entry: entry.place),
            )
        )
    return sorted(found, key=lambda group: (group.entries[0].place[0], group.check))
