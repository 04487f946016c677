"""What a server answered becomes a sample that ends as the check did on the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_shared.checkfile.samples import parse_samples
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, Facts
from stt_worker.oneshot.dry_run import DryRun, record

NO_BUILD = 'calls itself "8.0.30-acme"'


@pytest.mark.parametrize("build", ["", "unknown", "heatwave"])
def test_a_recorded_sample_has_the_build_that_its_outcome_depends_on(
    build: str, tmp_path: Path
) -> None:
    facts = Facts(flavour="mysql", version=(8, 0, 30), version_text="8.0.30-acme", build=build)
    outcome = CheckOutcome(
        check="c", digest="d", outcome=Outcome.SKIPPED, kind=Kind.UNDECIDED, reason=NO_BUILD
    )
    file = tmp_path / "samples.yaml"
    record(file, DryRun(facts=facts, docs=[[]], outcome=outcome))
    (sample,) = parse_samples(file.read_text(encoding="utf-8"), str(file))
    text = "8.0.30-acme" if build else "8.0.30"
    assert (sample.server["build"], sample.server["version_text"]) == (build, text)


def test_a_fact_that_no_server_has_is_a_fault_of_the_sample() -> None:
    text = """\
samples:
  - name: misspelt
    server: {flavour: mysql, version: [8, 0, 30], bild: heatwave}
    docs: [[]]
    expect: passed
"""
    with pytest.raises(ConfigError) as error:
        parse_samples(text, "samples.yaml")
    assert error.value.faults == ("samples.yaml:2: server has the unknown field 'bild'",)
