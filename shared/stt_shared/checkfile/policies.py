"""The content policies that every built-in check follows beyond the file format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from stt_shared.checkfile.folder import UnreadableError, read_file, text_of
from stt_shared.checkfile.model import Check
from stt_shared.checkfile.samples import Sample, parse_samples
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Family, Outcome
from stt_shared.protocol.messages import Fix

CATEGORIES = (
    *("authentication", "privileges", "version", "encryption", "network"),
    *("configuration", "auditing"),
)
SEVERITIES = ("critical", "warning", "notice")  # one word for each of the three severities of STT
ALL_SEVERITIES = re.compile(r'"(emergency|alert|critical|error|warning|notice|info|debug)"')
# The number of a benchmark depends on its edition; CVE and CWE numbers never change.
REFERENCE = re.compile(r"CIS [\w .]+ v\d+\.\d+\.\d+ \d+(\.\d+)*|CVE-\d{4}-\d{4,}|CWE-\d+")
FLAVOURS = {
    Family.MYSQL: {"mysql", "percona", "mariadb"},
    Family.POSTGRESQL: {"postgresql"},
    Family.MONGODB: {"mongodb", "percona"},
}
# Families whose remediations are data; the others still have bare statements.
AS_DATA: frozenset[Family] = frozenset({Family.MYSQL, Family.POSTGRESQL})
# What a script says of causes: the name of the check is a literal, so that it can be looked up.
CAUSE = re.compile(r"""\{\s*["']check["']\s*:\s*["'](\w+)["']""")
WANTED = (Outcome.PASSED, Outcome.FAILED, Outcome.ERROR)
SAMPLES_FILE = "samples.yaml"


def faults_of(check: Check) -> Iterator[str]:
    """A fault for each policy that `check` violates."""
    if "\n" in check.summary or check.summary.endswith("."):
        yield "summary is one line that names the problem, without a full stop"
    if check.category not in CATEGORIES:
        yield f"category is {check.category!r}, expected one of {', '.join(CATEGORIES)}"
    yield from _severities(check)
    if not check.references:
        yield "references are missing: a benchmark with its edition, a CVE or a CWE"
    for reference in check.references:
        if not REFERENCE.fullmatch(reference):
            yield f"reference {reference!r} is not a benchmark with edition and number, CVE or CWE"
    if set(check.privileges) != FLAVOURS[check.family]:
        expected = ", ".join(sorted(FLAVOURS[check.family]))
        found = ", ".join(check.privileges) or "none"
        yield f"privileges are declared for {found}, not for {expected}"
    if not re.search(r"restart|at once|open sessions", check.remediation):
        yield "remediation does not say whether it needs a restart"
    if not re.search(r"ndo|taken back", check.remediation):
        yield "remediation does not say how to undo it"
    yield from _queries(check)


def _severities(check: Check) -> Iterator[str]:
    found = set(ALL_SEVERITIES.findall(check.script))
    if not found:
        yield "the script names no severity"
    for word in sorted(found - set(SEVERITIES)):
        yield f"severity {word!r} in the script, expected one of {', '.join(SEVERITIES)}"


def _queries(check: Check) -> Iterator[str]:
    for query in check.queries:
        if ";" in query.text:
            yield f"a query contains a semicolon: {query.text:.40}"
        if check.family is Family.POSTGRESQL and re.search(
            r"(?<!pg_catalog\.)\bpg_(roles|auth_members|has_role)\b", query.text
        ):
            yield f"a query names a catalogue without pg_catalog: {query.text:.40}"
        selected = query.text.partition(" FROM ")[0]
        if re.search(r"authentication_string\b(?!('\)|, ''\)))", selected, re.IGNORECASE):
            yield f"a query returns password hashes: {query.text:.40}"


def faults_of_causes(check: Check, checks: Mapping[str, Check]) -> Iterator[str]:
    """A fault for each check named in `implied_by` that can never be the cause of a finding."""
    names = causes_named(check)
    if "implied_by" in check.script and not names:
        yield 'implied_by names no check as a literal: {"check": "name", ...}'
    for name in sorted(names):
        cause = checks.get(name)
        if cause is None:
            yield f"implied_by names {name}, which the pack does not have"
        elif cause.family is not check.family:
            yield f"implied_by names {name}, a check for {cause.family}"
        elif cause.interval != check.interval:
            # They would be in one job only when everything runs, and apart at all other times.
            yield f"implied_by names {name}, whose interval is {cause.interval}"
        elif check.name in _reached(name, checks):
            yield f"implied_by names {name}, which leads back to {check.name}"


def causes_named(check: Check) -> frozenset[str]:
    """The names of the checks that the script of `check` names as causes."""
    return frozenset(CAUSE.findall(check.script))


def _reached(name: str, checks: Mapping[str, Check]) -> set[str]:
    """`name`, and all checks that are its causes, at any number of steps."""
    found: set[str] = set()
    left = [name]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += causes_named(checks[one]) if one in checks else ()
    return found


def wants_fix(check: Check) -> bool:
    """Whether every finding of `check` has its remediation as data."""
    return check.ours and check.version > 1 and check.family in AS_DATA


def faults_of_remediations(check: Check, samples: Iterable[Sample]) -> Iterator[str]:
    """A fault if no sample holds a remediation of `check` word for word."""
    expected = [one.remediation for sample in samples for one in sample.findings]
    if wants_fix(check) and not any(isinstance(one, Fix) for one in expected):
        yield "no sample has a remediation as a dict, with statement, effect, before and undo"


def faults_of_samples(
    folder: Path, *, complete: bool = True
) -> tuple[tuple[Sample, ...], list[str]]:
    """The samples of a check, and the missing ones as faults, if they have to be `complete`."""
    file = folder / SAMPLES_FILE
    if not file.exists():
        return (), [f"no {SAMPLES_FILE} beside the check"]
    try:
        samples = parse_samples(text_of(read_file(file)), str(file))
    except UnreadableError as error:
        return (), [f"cannot be read: {error}"]
    except ConfigError as error:
        return (), list(error.faults) or [error.message]
    outcomes = {sample.outcome for sample in samples}
    wanted = WANTED if complete else ()
    missing = [f"no sample with expect: {one}" for one in wanted if one not in outcomes]
    return samples, missing
