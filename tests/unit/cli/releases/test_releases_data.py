"""The release data are what the version checks take for granted, and stay so when brought up."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stt_cli.releases import file, rules, update
from stt_shared.checkfile.catalogue import RELEASES_FILE, builtin, builtin_folder

FILE = builtin_folder() / RELEASES_FILE
DATA = file.read(FILE).data
KNOWN = {
    "mysql": [[5, 7], [8, 0], [8, 4], [9, 0], [9, 6], [9, 7], [26, 7], [26, 10]],
    "percona": [[5, 7], [8, 0], [8, 4]],
    "mariadb": [[10, 4], [10, 5], [10, 6], [10, 11], [11, 4], [11, 8], [12, 0], [12, 3]],
    "postgresql": [[9, 6], [10], [12], [13], [14], [15], [16], [17], [18]],
    "mongodb": [[3, 6], [4, 0], [4, 4], [5, 0], [6, 0], [7, 0], [8, 0], [8, 2], [8, 3], [9, 0]],
    "psmdb": [[4, 4], [5, 0], [6, 0], [7, 0], [8, 0]],
}
NEWER: dict[str, Any] = {
    "result": {
        "name": "postgresql",
        "releases": [
            {
                "name": "19",
                "releaseDate": "2026-12-03",
                "isLts": False,
                "eolFrom": "2031-11-13",
                "latest": {"name": "19.0", "date": "2026-12-03"},
            },
            {
                "name": "18",
                "releaseDate": "2025-09-25",
                "eolFrom": "2030-11-14",
                "latest": {"name": "18.8", "date": "2026-12-03"},
            },
            {
                "name": "17",
                "releaseDate": "2024-09-26",
                "eolFrom": "2029-11-08",
                "latest": {"name": "17.1", "date": "2024-11-14"},
            },
            {"name": "8.0", "releaseDate": "2005-01-19", "eolFrom": "2010-10-01"},
        ],
    }
}


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    """The data with one value replaced, or taken out where it is None."""
    data = copy.deepcopy(DATA)
    place: Any = data
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


@pytest.mark.parametrize("key", KNOWN)
def test_every_product_in_use_is_known_with_its_series(key: str) -> None:
    known = [entry["series"] for entry in DATA["products"][key]["series"]]
    assert all(series in known for series in KNOWN[key])


def test_nothing_is_wrong_with_the_data() -> None:
    assert list(rules.faults(DATA)) == []


def test_the_file_is_as_the_command_writes_it() -> None:
    assert FILE.read_text(encoding="utf-8") == file.render(file.read(FILE))


def test_what_scripts_get_is_what_the_maintainer_reads() -> None:
    assert builtin().releases == DATA


def test_data_are_small_enough_to_go_with_every_job() -> None:
    assert len(str(DATA)) < 64 * 1024


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (["as_of"], "soon", "as_of is 'soon', expected a date"),
        (["products", "mysql", "sources"], [], "mysql: name or sources are missing"),
        (["products", "mysql", "series", 1, "series"], [5, 5], "5.5 is listed after 5.5"),
        (["products", "mysql", "series", 0, "latest"], [5, 6, 1], "is not a release of the series"),
        (["products", "mysql", "series", 0, "latest"], [5, 5], "is not a release of the series"),
        (["products", "mysql", "series", 0, "status"], "old", "status is 'old', expected one of"),
        (["products", "mysql", "series", 0, "eol"], None, "eol is missing, and the series is not"),
        (["products", "mysql", "series", 0, "eol"], "2009-01-01", "are not in order"),
        (["products", "mysql", "series", 0, "latest_date"], "2099-01-01", "is after 2026"),
        (["products", "mysql", "series", 0, "color"], "red", "unknown key 'color'"),
        (["products", "mysql", "series", 0, "security"], [[5, 5, 99]], "is newer than the latest"),
        (["vulnerabilities", 1, "id"], "CVE-2012-2122", "CVE-2012-2122 is listed twice"),
        (["vulnerabilities", 0, "severity"], "bad", "severity is 'bad'"),
        (["vulnerabilities", 0, "source"], "http://x", "expected an https URL"),
        (["vulnerabilities", 0, "affects"], {"oracle": []}, "unknown product 'oracle'"),
        (["vulnerabilities", 0, "requires"], "luck", "requires is 'luck'"),
        (
            ["vulnerabilities", 0, "affects", "mysql", 0, "below"],
            [5, 5, 1],
            "ranges overlap or are not in order at 5.5",
        ),
        (
            ["vulnerabilities", 0, "affects", "mysql", 2, "below"],
            [5, 6, 999],
            "unknown release 5.6.999",
        ),
    ],
)
def test_each_fault_is_reported(path: list[Any], value: Any, fault: str) -> None:
    found = list(rules.faults(changed(path, value)))
    assert any(fault in one for one in found), found


def test_versions_go_up_and_an_end_of_life_is_left_to_a_person() -> None:
    data = copy.deepcopy(DATA)
    document = copy.deepcopy(NEWER)
    document["result"]["releases"][1]["eolFrom"] = "2030-12-31"
    changes = list(update.from_endoflife(data, document))
    assert changes == [
        "postgresql 19: new series, released 2026-12-03",
        "postgresql 19: latest unknown -> 19.0 (2026-12-03)",
        "postgresql 18: latest 18.7 -> 18.8 (2026-12-03)",
        "postgresql 18: end of life is 2030-11-14, endoflife.date has 2030-12-31: not changed",
    ]
    entries = {entry["series"][0]: entry for entry in data["products"]["postgresql"]["series"]}
    assert entries[19]["latest"] == [19, 0]
    assert entries[18]["eol"] == "2030-11-14"
    assert entries[17]["latest"] == DATA["products"]["postgresql"]["series"][-2]["latest"]
    assert any("is after 2026-11-23" in fault for fault in rules.faults(data))
    assert list(rules.faults(data | {"as_of": "2026-12-03"})) == []


def record(**version: str) -> dict[str, Any]:
    return {
        "cveMetadata": {"cveId": "CVE-2027-1"},
        "containers": {
            "cna": {
                "title": "Strangers get in.",
                "affected": [
                    {"product": "MySQL Server", "versions": [version | {"status": "affected"}]}
                ],
                "references": [{"url": "https://example.org/advisory"}],
                "metrics": [
                    {"cvssV3_1": {"baseScore": 9.8, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N"}}
                ],
            }
        },
    }


def test_a_range_that_oracle_writes_as_text_becomes_numbers() -> None:
    data = copy.deepcopy(DATA)
    changes = list(update.from_cve(data, record(version="8.4.0-8.4.13")))
    assert changes == [
        "CVE-2027-1: new, critical: Strangers get in",
        "CVE-2027-1: mysql 8.4.0 to 8.4.13",
    ]
    assert data["vulnerabilities"][-1]["affects"] == {
        "mysql": [{"from": [8, 4, 0], "to": [8, 4, 13]}]
    }
    assert list(rules.faults(data)) == []
    again = list(update.from_cve(data, record(version="8.4", lessThan="8.4.14")))
    assert again == ["CVE-2027-1: mysql 8.4 below 8.4.14"]


@pytest.mark.parametrize(
    ("apply", "document", "fault"),
    [
        (update.from_endoflife, {}, "result.releases is missing"),
        (
            update.from_endoflife,
            {"result": {"name": "oracle", "releases": []}},
            "product is 'oracle', expected one of mysql",
        ),
        (update.from_cve, {}, "cveMetadata or containers.cna is missing"),
        (
            update.from_cve,
            {"cveMetadata": {"cveId": "CVE-1"}, "containers": {"cna": {}}},
            "CVE-1 affects none of mariadb",
        ),
    ],
)
def test_a_file_of_another_kind_is_refused(apply: Any, document: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        list(apply(copy.deepcopy(DATA), document))


def stt(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stt_cli", "releases", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_writes_nothing_that_would_be_wrong(tmp_path: Path) -> None:
    mine, newer = tmp_path / "releases.yaml", tmp_path / "postgresql.json"
    before = FILE.read_text(encoding="utf-8")
    mine.write_text(before, encoding="utf-8")
    newer.write_text(json.dumps(NEWER))
    refused = stt("refresh", str(mine), "--endoflife", str(newer))
    assert (refused.returncode, mine.read_text(encoding="utf-8") == before) == (2, True)
    assert "was not changed" in refused.stderr
    dry = stt("refresh", str(mine), "--endoflife", str(newer), "--as-of", "2026-12-03", "--dry-run")
    assert (dry.returncode, mine.read_text(encoding="utf-8") == before) == (0, True)
    assert "postgresql 18: latest 18.7 -> 18.8 (2026-12-03)" in dry.stdout
    done = stt("refresh", str(mine), "--endoflife", str(newer), "--as-of", "2026-12-03")
    assert done.returncode == 0, done.stderr
    checked = stt("check", str(mine))
    assert (checked.returncode, "as of 2026-12-03" in checked.stdout) == (0, True)


def test_the_command_tells_every_fault_of_a_file(tmp_path: Path) -> None:
    mine = tmp_path / "releases.yaml"
    text = FILE.read_text(encoding="utf-8").replace("status: lts", "status: long", 1)
    mine.write_text(text, encoding="utf-8")
    found = stt("check", str(mine))
    assert (found.returncode, "status is 'long'" in found.stdout) == (1, True)
    assert stt("check", str(tmp_path / "none.yaml")).returncode == 2
