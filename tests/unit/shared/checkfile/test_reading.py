"""A folder or one file of checks is read in its own format, whatever the case of its suffix."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_shared.checkfile.linting import lint
from stt_shared.checkfile.parse import parse_checks
from stt_shared.checkfile.reading import read_checks
from stt_shared.errors import ConfigError

OF_PMM = """
checks:
  - version: 2.0
    name: of_pmm
    summary: 1.50
    description: true
    family: POSTGRESQL
    advisor: dev
    queries:
      - type: POSTGRESQL_SELECT
        query: 1
        parameters: {all_dbs: ALL_DBS}
    script: |
      def check_context(docs, context):
          return []
"""
OURS = (
    OF_PMM.replace("2.0", "2")
    .replace("1.50", "x")
    .replace("true", "x")
    .replace("query: 1\n", "query: '1 AS one'\n")
    .replace("ALL_DBS", "true")
    .replace("of_pmm", "ours")
)


@pytest.mark.parametrize("name", ["a.yml", "a.YML", "a.yaml", "a.Yaml"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_file_of_pmm_is_read_alone_and_in_its_folder(
    tmp_path: Path, name: str, whole: bool
) -> None:
    file = tmp_path / name
    file.write_text(OF_PMM.replace("ALL_DBS", '"true"'))
    found = read_checks(tmp_path if whole else file)
    (check,) = found.catalogue.checks.values()
    assert (found.ours, found.folder, found.catalogue.faults) == (False, tmp_path, ())
    assert (check.ours, check.summary, check.description) == (False, "1.50", "true")
    assert (check.queries[0].text, check.queries[0].all_dbs) == ("1", True)
    assert found.catalogue.scripts["of_pmm"].path == name
    assert lint(file).faults == ()


@pytest.mark.parametrize("whole", [True, False])
def test_a_file_of_ours_is_read_in_our_format(tmp_path: Path, whole: bool) -> None:
    file = tmp_path / "postgresql" / "ours" / "check.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(OURS)
    found = read_checks(tmp_path if whole else file)
    assert found.catalogue.faults == ()
    assert found.ours
    assert found.catalogue.checks["ours"].ours


@pytest.mark.parametrize("name", ["a.txt", "samples.yaml"])
def test_another_file_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(OF_PMM)
    with pytest.raises(ConfigError, match="is not a file of checks"):
        read_checks(file)


@pytest.mark.parametrize(
    ("word", "everywhere"),
    [
        *((word, True) for word in ("true", '"true"', "1", '"1"', "t", "TRUE", "True")),
        *((word, False) for word in ("false", '"false"', "0", "F", "FALSE")),
        *((word, None) for word in ("yes", "tRuE", "2", "[]", '""')),
    ],
)
def test_all_dbs_is_read_as_go_reads_booleans(word: str, everywhere: bool | None) -> None:
    parsed = parse_checks(OF_PMM.replace("ALL_DBS", word), "f", strict=False)
    assert [check.queries[0].all_dbs for check in parsed.checks] == (
        [] if everywhere is None else [everywhere]
    )
    assert [fault.line for fault in parsed.faults] == ([12] if everywhere is None else [])


def test_what_pmm_refuses_is_a_warning_with_its_line() -> None:
    text = OF_PMM.replace("ALL_DBS", "true").replace("advisor: dev", "remediation: x")
    (warning,) = parse_checks(text, "f", strict=False).warnings
    assert str(warning) == "f:8: of_pmm: PMM refuses the field 'remediation'"
