"""A file of exceptions for a report that no coordinator made: what is in force, every fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_shared.checkfile.catalogue import Catalogue, builtin
from stt_shared.errors import ConfigError
from stt_shared.suppression import plan
from tests.support.shared.suppressions import NOW

FAULTS = [
    ("{id: a, reason: r, check: mysql_versoin, site: s, until: 2026-12-01}", "'mysql_version'?"),
    ("{id: a, reason: r, check: mysql_version, until: 2026-12-01}", "name a target, a label or a"),
    ("{id: a, reason: ' ', finding: f_1, until: 2026-12-01}", "the reason is empty"),
    ("{id: a, reason: r, finding: f_1}", "the last day is missing"),
    ("{id: a, reason: r, finding: f_1, until: 2028-12-01}", "more than 400 days ahead"),
    ("{id: A b, reason: r, finding: f_1, until: 2026-12-01}", "'A b'"),
    ("{id: a, reason: r, finding: f_1, severity: trivial}", "another severity is for a check"),
]


def written(folder: Path, *entries: str) -> Path:
    file = folder / "exceptions.yaml"
    file.write_text("\n".join(["exceptions:", *(f"- {entry}" for entry in entries)]))
    return file


@pytest.mark.parametrize(("entry", "fault"), FAULTS)
def test_an_entry_that_a_coordinator_would_refuse_is_refused(
    tmp_path: Path, entry: str, fault: str
) -> None:
    good = "{id: b, reason: r, finding: f_2, until: 2026-12-01}"
    with pytest.raises(ConfigError) as caught:
        plan.read(written(tmp_path, entry, good), (builtin(),), NOW)
    (found,) = caught.value.faults
    assert fault in found


def test_two_entries_with_one_scope_are_refused_unless_one_has_ended(tmp_path: Path) -> None:
    first = "{id: a, reason: r, finding: f_1, until: %s}"
    second = "{id: b, reason: r, finding: f_1, until: 2026-12-01}"
    with pytest.raises(ConfigError) as caught:
        plan.read(written(tmp_path, first % "2026-12-01", second), (builtin(),), NOW)
    assert len(caught.value.faults) == 2
    found = plan.read(written(tmp_path, first % "2026-11-22", second), (builtin(),), NOW)
    assert [one.id for one in found.suppressions] == ["b"]
    assert [one.id for one in found.ended] == ["a"]


def test_the_last_day_is_in_force_until_it_is_over(tmp_path: Path) -> None:
    file = written(tmp_path, "{id: a, reason: r, finding: f_1, until: 2026-11-23}")
    assert len(plan.read(file, (builtin(),), NOW).suppressions) == 1


def test_a_check_may_be_one_of_the_scan_of_the_report_or_an_alias(tmp_path: Path) -> None:
    known = builtin()
    name = next(one for one in known.checks.values() if one.aliases)
    checks = (name.aliases[0], "ours")
    entry = "{id: x%d, reason: r, check: %s, site: s, until: 2026-12-01}"
    file = written(tmp_path, *(entry % pair for pair in enumerate(checks)))
    found = plan.read(file, (Catalogue(checks={}), known), NOW, frozenset({"ours"}))
    assert [one.check for one in found.suppressions] == [name.name, "ours"]
    with pytest.raises(ConfigError):
        plan.read(file, (Catalogue(checks={}), known), NOW)
