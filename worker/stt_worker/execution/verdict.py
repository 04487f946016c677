"""Converts what a script returned into the outcome of its check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any, cast

import msgspec

from stt_shared.checkfile.model import Check
from stt_shared.checkfile.remediation import fix_of
from stt_shared.identity import finding_key
from stt_shared.protocol.enums import Kind, Outcome, Severity
from stt_shared.protocol.messages import MAX_FINDINGS, CheckOutcome, Finding, Fix
from stt_shared.report.readable import by_severity, first_names
from stt_shared.report.remedy import without_statements
from stt_worker.execution import sanitize
from stt_worker.execution.causes import causes_of
from stt_worker.execution.links import is_link
from stt_worker.sandbox.port import Broken, Skipped, Verdict

SEVERITIES = {
    "emergency": Severity.CRITICAL,
    "alert": Severity.CRITICAL,
    "critical": Severity.CRITICAL,
    "error": Severity.CRITICAL,
    "warning": Severity.MAJOR,
    "notice": Severity.TRIVIAL,
    "info": Severity.TRIVIAL,
    "debug": Severity.TRIVIAL,
}
KEYS_OF_PMM = ("summary", "severity", "description", "read_more_url", "labels")
# Unknown to PMM, with what they hold; a list of rows is looked at as a whole.
OWN_KEYS: dict[str, type] = {"object": str, "remediation": str, "evidence": list, "formerly": dict}
MAX_KEY_CHARACTERS = 500
MAX_SUMMARY_CHARACTERS = 500
MAX_REASON_CHARACTERS = 1_000
MAX_FAULTS_NAMED = 3
NO_ROOM = "The result had no room for the statements; a run with fewer findings has them."


def ended(check: Check, outcome: Outcome, kind: Kind, reason: str) -> CheckOutcome:
    """An outcome that is not a verdict about the database: skipped or error."""
    return CheckOutcome(
        check=check.name,
        digest=check.digest,
        outcome=outcome,
        kind=kind,
        reason=sanitize.text(reason, MAX_REASON_CHARACTERS),
    )


def outcome_of(check: Check, verdict: Verdict) -> CheckOutcome:
    """The outcome of `check` for what its script returned.

    A malformed finding, or too many, make it an error that keeps the good findings.
    """
    if isinstance(verdict, Skipped):
        kind = Kind.UNDECIDED if verdict.applicable else Kind.NOT_APPLICABLE
        return ended(check, Outcome.SKIPPED, kind, verdict.reason)
    if isinstance(verdict, Broken):
        return ended(check, Outcome.ERROR, Kind.SCRIPT, verdict.reason)
    values = cast("object", verdict.value)
    if isinstance(values, str):  # scripts of PMM return an error as text
        what = f"the script returned an error: {values}"
        return ended(check, Outcome.ERROR, Kind.SCRIPT, what)
    if not isinstance(values, list):
        what = f"the script returned {_name_of(values)}, expected a list of findings"
        return ended(check, Outcome.ERROR, Kind.SCRIPT, what)
    if not values:  # almost always
        return CheckOutcome(check=check.name, digest=check.digest, outcome=Outcome.PASSED)
    return _outcome_of_findings(check, cast("list[object]", values))


def _outcome_of_findings(check: Check, values: list[object]) -> CheckOutcome:
    """The outcome with the good findings, most severe first; a malformed one makes an error."""
    good: list[Finding] = []
    faults: list[str] = []
    for number, value in enumerate(values, start=1):
        try:
            good.append(_finding(value, check.name, pmm=not check.ours))
        except ValueError as error:
            faults.append(f"finding {number}: {error}")
    findings = _distinct(good)
    if faults:
        reason = first_names(faults, MAX_FAULTS_NAMED, separator="; ")
        found = ended(check, Outcome.ERROR, Kind.SCRIPT, reason)
    elif len(findings) > MAX_FINDINGS:
        reason = f"{counted(findings)}, the limit is {MAX_FINDINGS}"
        found = ended(check, Outcome.ERROR, Kind.TOO_LARGE, reason)
    else:
        outcome = Outcome.FAILED if findings else Outcome.PASSED
        found = CheckOutcome(check=check.name, digest=check.digest, outcome=outcome)
    return msgspec.structs.replace(found, findings=tuple(findings[:MAX_FINDINGS]))


def counted(findings: Sequence[Finding]) -> str:
    """The number of findings by severity, e.g. `3 findings (2 critical, 1 major)`."""
    each = by_severity(finding.severity for finding in findings)
    return f"{len(findings)} findings ({each})"


def _finding(value: Any, check: str, *, pmm: bool) -> Finding:
    """A finding; raises ValueError for a wrong one. In PMM None is no text and no dict."""
    if not isinstance(value, dict):
        raise ValueError(f"it is {_name_of(value)}, expected a dict")  # noqa: TRY004  # a fault of data
    fields = cast("dict[str, Any]", value)
    if pmm:
        fields = _as_in_pmm(fields)
    summary = _text(fields, "summary", sanitize.MAX_TEXT_CHARACTERS)
    if not summary:
        raise ValueError("summary is missing or empty")
    url = _text(fields, "read_more_url")
    if url and not is_link(url):
        raise ValueError(f"read_more_url is {url!r:.80}, expected an URL or an absolute path")
    thing = fields.get("object")
    named = None if thing is None else _text(fields, "object", MAX_KEY_CHARACTERS)
    labels = _labels(fields.get("labels"))
    fix = _fix(fields)
    return Finding(
        key=finding_key(named, summary, labels),
        severity=_severity(fields.get("severity")),
        summary=sanitize.text(summary, MAX_SUMMARY_CHARACTERS),
        object=named,
        description=_text(fields, "description"),
        remediation=_text(fields, "remediation") if fix is None else fix.text,
        read_more_url=url,
        evidence=sanitize.rows(fields.get("evidence") or []),
        labels=labels,
        fix=fix,
        formerly=_formerly(fields.get("formerly")),
        implied_by=causes_of(fields.get("implied_by"), check),
    )


def _fix(fields: dict[str, Any]) -> Fix | None:
    """The remediation as data, if it is a dict; raises ValueError with all that is wrong."""
    value: object = fields.get("remediation")
    if not isinstance(value, dict):
        return None
    return fix_of(cast("dict[str, Any]", value), _uncut)


def _uncut(text: str) -> str:
    """Without secrets; nothing is cut off, also where stars are longer than what they hide."""
    return sanitize.text(text, sanitize.MAX_SEARCHED_CHARACTERS)


def _formerly(given: object) -> dict[str, Any]:
    """Cleaned as evidence is: it is compared with evidence that was cleaned and stored."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ValueError(f"formerly is {_name_of(given)}, expected a dict")  # noqa: TRY004  # a fault of data
    cleaned = cast("dict[str, Any]", sanitize.plain(given))
    # Of two that were cut off nobody can say whether they are the same.
    is_cut = any(
        isinstance(one, str) and len(one) >= sanitize.MAX_TEXT_CHARACTERS
        for one in cleaned.values()
    )
    return {} if is_cut else cleaned


def _as_in_pmm(fields: dict[str, Any]) -> dict[str, Any]:
    """`fields` without our own keys where they hold something else: PMM does not know them.

    Raises ValueError for a None, which PMM takes for a value of a wrong type.
    """
    for key in KEYS_OF_PMM:
        if fields.get(key, "") is None:
            raise ValueError(f"{key} is None, expected {'a dict' if key == 'labels' else 'a text'}")
    return {
        key: one
        for key, one in fields.items()
        if key in KEYS_OF_PMM or isinstance(one, OWN_KEYS.get(key, ()))
    }


def _severity(value: object) -> Severity:
    """The severity of a word in any case; raises ValueError."""
    found = SEVERITIES.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"severity is {value!r:.40}, expected one of {', '.join(SEVERITIES)}")
    return found


def _labels(given: object) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ValueError("labels is not a dict of texts")  # noqa: TRY004  # a fault of data
    labels: dict[str, str] = {}
    for key, label in cast("dict[object, object]", given).items():
        if not isinstance(key, str) or not isinstance(label, str):
            raise ValueError("labels is not a dict of texts")  # noqa: TRY004  # as above
        labels[sanitize.text(key)] = sanitize.text(label)
    return labels


def _text(fields: dict[str, Any], key: str, limit: int = sanitize.MAX_TEXT_CHARACTERS) -> str:
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key} is {_name_of(value)}, expected a text")  # noqa: TRY004  # as above
    return sanitize.text(value, limit)


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    """Each distinct finding once; of findings with the same key all but the first get a number.

    The order, and so the numbers, depend only on the content: keys must be stable between runs.
    """
    once = {
        (finding.severity.rank, finding.key, msgspec.json.encode(finding)): finding
        for finding in findings
    }
    times: Counter[str] = Counter()
    taken = {finding.key for finding in once.values()}
    numbered: list[Finding] = []
    for position in sorted(once):
        finding = once[position]
        times[finding.key] += 1
        number = times[finding.key]
        if number > 1:
            key = next(k for n in count(number) if (k := f"{finding.key}#{n}") not in taken)
            finding = msgspec.structs.replace(finding, key=key)
        numbered.append(finding)
    return numbered


def _name_of(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _without_statements(outcome: CheckOutcome) -> CheckOutcome:
    """`outcome` with only the prose of its remediations: its verdict is worth more than them."""
    findings = tuple(
        one
        if one.fix is None
        else msgspec.structs.replace(
            one, fix=without_statements(one.fix, NO_ROOM), remediation=NO_ROOM
        )
        for one in outcome.findings
    )
    return msgspec.structs.replace(outcome, findings=findings)


def fit(outcomes: Sequence[CheckOutcome], limit: int) -> tuple[CheckOutcome, ...]:
    """`outcomes` with at most `limit` bytes as JSON: the largest lose the statements that fix them.

    If that is not enough, the largest lose their findings and parts instead: such an outcome
    becomes an error that keeps the counts.
    """
    # At once, because almost all fit: one by one takes three times as long.
    if len(msgspec.json.encode(outcomes)) <= limit:
        return tuple(outcomes)
    sizes = [len(msgspec.json.encode(outcome)) for outcome in outcomes]
    fitting = list(outcomes)
    bare = [_without_statements(outcome) for outcome in outcomes]
    bare_sizes = [len(msgspec.json.encode(outcome)) for outcome in bare]
    if sum(bare_sizes) <= limit:
        for index in sorted(range(len(sizes)), key=lambda i: bare_sizes[i] - sizes[i]):
            if sum(sizes) <= limit:
                break
            fitting[index], sizes[index] = bare[index], bare_sizes[index]
        return tuple(fitting)
    # The largest first, so that as few checks as possible lose their findings.
    for index in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        one = fitting[index]
        if sum(sizes) <= limit or not (one.findings or one.parts_not_checked):
            break
        left_out = len(one.parts_not_checked)
        parts = f" and {left_out} databases not checked" if left_out else ""
        what = f"{counted(one.findings)}{parts} of {sizes[index]} bytes do not fit into one result"
        # An error, not a verdict: without the names of the databases that were not checked it
        # would resolve the findings of those.
        fitting[index] = msgspec.structs.replace(
            one,
            outcome=Outcome.ERROR,
            kind=Kind.TOO_LARGE,
            reason=what,
            findings=(),
            parts_not_checked=(),
        )
        sizes[index] = len(msgspec.json.encode(fitting[index]))
    return tuple(fitting)
