"""A cause that a script names exists, and can be in one job with what it implies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import Check
from stt_shared.checkfile.policies import causes_named, faults_of_causes
from stt_shared.checkfile.samples import parse_samples
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Family, Interval
from stt_shared.protocol.messages import Cause, Finding
from stt_worker.oneshot.dry_run import differing

GOOD = builtin().checks["mysql_local_infile"]
SAMPLE = """\
samples:
  - name: one
    server: {{flavour: mysql, version: [8, 0, 30]}}
    docs: [[]]
    expect: failed
    findings:
      - severity: major
        object: x
        implied_by: {}
"""


def naming(*names: str, **fields: object) -> Check:
    script = "".join(f'f["implied_by"] = {{"check": "{name}", "object": x}}\n' for name in names)
    return replace(GOOD, **({"name": "a", "script": script} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("check", builtin().checks.values(), ids=lambda check: check.name)
def test_causes_of_the_library_exist(check: Check) -> None:
    assert list(faults_of_causes(check, builtin().checks)) == []


def test_some_checks_of_the_library_name_causes() -> None:
    assert sum(bool(causes_named(check)) for check in builtin().checks.values()) >= 3


@pytest.mark.parametrize(
    ("others", "fault"),
    [
        ({}, "names b, which the pack does not have"),
        ({"b": naming(family=Family.MONGODB)}, "names b, a check for mongodb"),
        ({"b": naming(interval=Interval.RARE)}, "names b, whose interval is rare"),
        ({"b": naming("a")}, "names b, which leads back to a"),
        ({"b": naming("c"), "c": naming("d"), "d": naming("a")}, "which leads back to a"),
        ({"b": naming("c"), "c": naming("b")}, ""),
        ({"b": naming()}, ""),
    ],
)
def test_a_cause_that_can_never_be_found_with_its_part_is_a_fault(
    others: dict[str, Check], fault: str
) -> None:
    check = naming("b")
    found = list(faults_of_causes(check, {"a": check, **others}))
    assert [fault in one for one in found] == ([True] if fault else [])


def test_the_check_itself_is_no_cause() -> None:
    check = naming("a")
    assert "leads back" in "".join(faults_of_causes(check, {"a": check}))


def test_a_name_that_is_no_literal_is_a_fault() -> None:
    check = replace(GOOD, script='f["implied_by"] = {"check": NAME, "object": x}')
    assert "names no check as a literal" in "".join(faults_of_causes(check, {}))


def test_a_sample_holds_causes_and_says_what_differs() -> None:
    text = SAMPLE.format("[{check: b, object: y}]")
    (sample,) = parse_samples(text, "samples.yaml")
    (wanted,) = sample.findings
    assert wanted.implied_by == (Cause(check="b", object="y"),)
    found = Finding(key="x", severity=wanted.severity, summary="x", implied_by=wanted.implied_by)
    assert list(differing(wanted, found)) == []
    other = replace(wanted, implied_by=())
    assert list(differing(other, found)) == [
        "it is implied by b y, which the sample does not expect"
    ]
    assert list(differing(replace(wanted, implied_by=None), found)) == []


@pytest.mark.parametrize("given", ["b", "[b]", "[{check: b}]"])
def test_causes_of_a_sample_that_are_no_causes_are_a_fault(given: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_samples(SAMPLE.format(given), "samples.yaml")
    assert "implied_by" in error.value.faults[0]
