"""A report as JUnit XML for CI: a suite for each target and a case for each check.

Critical and major findings fail their case; trivial and accepted ones are its properties. A check
without a verdict is an error. A case that does not apply or has only accepted findings is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from stt_shared.protocol.enums import Severity
from stt_shared.protocol.queries.reports import ReportedFinding, ReportedResult
from stt_shared.report import readable
from stt_shared.report.counts import is_not_checked
from stt_shared.report.formats.report_context import (
    Entry,
    ReportContext,
    acceptance,
    implied_text,
    why,
)
from stt_shared.report.remedy import plain
from stt_shared.report.theme import clean

OWN_SUITE = "stt"  # caveats of the report itself
FAILING = (Severity.CRITICAL, Severity.MAJOR)
_NO_CHARACTERS = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}  # not allowed in XML, not even escaped
COUNTED = ("failure", "error", "skipped")


def text(context: ReportContext) -> str:
    """All results of the report, in order of target and check."""
    root = Element("testsuites", name=_xml(f"stt{context.heading}"))
    ordered = sorted(context.report.results, key=lambda result: (result.target, result.check))
    by_target = groupby(ordered, key=lambda result: result.target)
    for target, results in by_target:
        suite = _suite(root, target, context)
        for result in results:
            _case(suite, result)
    own = _suite(root, OWN_SUITE, context) if context.gaps else root
    for gap in context.gaps:
        case = SubElement(own, "testcase", classname=OWN_SUITE, name="report", time="0")
        if gap == context.report.notice:
            SubElement(case, "system-out").text = _xml(gap)
        else:
            SubElement(case, "error", type="incomplete", message=_xml(gap))
    for suite in root:
        _count(suite, [suite])
    _count(root, list(root))
    del root.attrib["skipped"]  # the schema of JUnit has none for the root
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _count(element: Element, suites: Iterable[Element]) -> None:
    cases = [case for suite in suites for case in suite.iter("testcase")]
    element.set("tests", str(len(cases)))
    for word, name in zip(COUNTED, ("failures", "errors", "skipped"), strict=True):
        element.set(name, str(sum(case.find(word) is not None for case in cases)))
    element.set("time", "0")


def _suite(root: Element, name: str, context: ReportContext) -> Element:
    at = readable.rfc3339(context.written).removesuffix("Z")
    return SubElement(root, "testsuite", name=_xml(name), timestamp=at)


def _case(suite: Element, result: ReportedResult) -> None:
    place = _xml(f"{result.site}.{result.target}")
    case = SubElement(suite, "testcase", classname=place, name=_xml(result.check), time="0")
    still_open = [one for one in result.findings if one.accepted is None]
    failing = [one for one in still_open if one.severity in FAILING]
    _properties(case, result, [one for one in result.findings if one not in failing])
    if is_not_checked(result):
        kind = str(result.kind or result.outcome)
        SubElement(case, "error", type=kind, message=_xml(f"not checked: {why(result)}"))
    elif failing:
        _failure(case, result, failing)
    elif result.findings and not still_open:
        known = all(one.accepted.baseline for one in result.findings if one.accepted is not None)
        SubElement(case, "skipped", message="in the baseline" if known else "accepted")
    elif result.implied and not result.findings:
        # Not passed: it would be green while its cause is red.
        SubElement(case, "skipped", message=_xml(implied_text(result)))
    elif result.kind is not None:
        SubElement(case, "skipped", message=_xml(why(result)))


def _properties(case: Element, result: ReportedResult, findings: Iterable[ReportedFinding]) -> None:
    """Trivial and accepted findings and left out databases, which do not fail their case."""
    found = list(findings)
    left_out = result.parts_not_checked
    properties = SubElement(case, "properties") if found or left_out else case
    for part in left_out:
        name = _xml(f"not checked {part.name}")
        SubElement(properties, "property", name=name, value=_xml(readable.part(part)))
    for one in found:
        word = str(one.severity) if one.accepted is None else f"accepted {one.severity}"
        accepted = f" ({acceptance(one.accepted)})" if one.accepted is not None else ""
        details = "".join(f"; {text}" for text in Entry(result, one).references)
        text_of_findings = _xml(f"{one.summary}{accepted}{details}")
        SubElement(properties, "property", name=f"{word} {one.id}", value=text_of_findings)


def _failure(case: Element, result: ReportedResult, failing: list[ReportedFinding]) -> None:
    entries = sorted((Entry(result, one) for one in failing), key=lambda entry: entry.place)
    rest = readable.more(len(entries) - 1)
    worst = entries[0]
    message = f"{worst.finding.severity}: {worst.text}{f' ({rest})' if rest else ''}"
    texts: list[str] = []
    for entry in entries:
        finding = entry.finding
        head = f"{finding.severity} {finding.id} {entry.text}"
        parts = (head, finding.description, plain(finding), *entry.references)
        texts.append("\n".join(part for part in parts if part))
    failure = SubElement(case, "failure", type=str(worst.finding.severity), message=_xml(message))
    failure.text = _xml("\n\n".join(texts))


def _xml(value: str) -> str:
    """`value` without characters that XML does not allow."""
    return clean(value, keep="\n").translate(_NO_CHARACTERS)
