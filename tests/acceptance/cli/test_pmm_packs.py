"""A user of PMM moves in: its files, alone or in a folder, in every command that takes checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.processes.scanning import report, stt, url

CHECK = """---
checks:
  - version: 2
    name: {name}
    summary: A row
    description: There is a row.
    family: POSTGRESQL
    advisor: dev
    queries:
      - type: POSTGRESQL_SELECT
        query: 1 AS one
    script: |
      def check_context(docs, context):
          if docs[0][0]["one"] != 1:
              return []
          return [{{
              "summary": "a row", "severity": "Warning", "description": "it is there",
              "read_more_url": "/advisors/row", "labels": {{"team": "core"}},
          }}]
"""
SHOWN = {
    "severity": "major",
    "summary": "a row",
    "description": "it is there",
    "read_more_url": "/advisors/row",
    "labels": {"team": "core"},
}


@pytest.fixture(scope="module", params=["file", "folder"])
def pmm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pmm")
    (folder / "Row.YML").write_text(CHECK.format(name="pmm_row"))
    if request.param == "file":
        return folder / "Row.YML"
    (folder / "other.Yaml").write_text(CHECK.format(name="pmm_other"))
    return folder


def test_lint_and_show_take_files_of_pmm(pmm: Path) -> None:
    linted = stt("checks", "lint", str(pmm))
    assert linted.returncode == 0, linted.stderr
    assert linted.stdout.startswith("ok: 2 checks" if pmm.is_dir() else "ok: 1 checks")
    shown = stt("checks", "show", "pmm_row", "--pack", str(pmm))
    assert "There is a row." in shown.stdout
    assert "SELECT 1 AS one" in shown.stdout


def test_test_runs_a_file_of_pmm_on_a_server(tmp_path: Path, postgresql: Running) -> None:
    path = tmp_path / "Row.YML"
    path.write_text(CHECK.format(name="pmm_row"))
    done = stt("checks", "test", "pmm_row", "--pack", str(path), "--target", url(postgresql))
    assert done.returncode == 0, done.stderr
    assert "a row" in done.stdout


def test_a_scan_reports_the_findings_of_pmm_whole(pmm: Path, postgresql: Running) -> None:
    done = stt("scan", url(postgresql), "--pack", str(pmm), "-o", "json")
    results = {one["check"]: one for one in report(done)["results"]}
    assert results.keys() == ({"pmm_row", "pmm_other"} if pmm.is_dir() else {"pmm_row"})
    (finding,) = results["pmm_row"]["findings"]
    assert {key: finding[key] for key in SHOWN} == SHOWN


FAULTS = {
    # What stands there, what stands there instead, and the line of the fault.
    "early_end": ("          }}]", "          }}", 19),
    "syntax": ("!= 1:", "!= 1 1:", 14),
    "unknown_name": ("return []", "return nothing", 15),
    "query_type": ("POSTGRESQL_SELECT", "POSTGRESQL_SELEKT", 10),
    "query": ("1 AS one", "pg_sleep(9)", 11),
    "version": ("version: 2", "version: 7", 3),
}


def test_every_fault_names_file_and_line(tmp_path: Path) -> None:
    for name, (old, new, _) in FAULTS.items():
        assert old in CHECK
        (tmp_path / f"{name}.YML").write_text(CHECK.replace(old, new).format(name=name))
    every = stt("checks", "lint", str(tmp_path))
    alone = stt("checks", "lint", str(tmp_path / "early_end.YML"))
    assert (every.returncode, alone.returncode) == (2, 2)
    for name, (_, _, line) in FAULTS.items():
        assert f"{name}.YML:{line}: " in every.stderr
    assert "early_end.YML:19: early_end: script line 7: unexpected new line here" in alone.stderr
