"""What holds for every built-in check beyond what its file format asks."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stt_shared.checkfile import policies
from stt_shared.checkfile.catalogue import builtin, builtin_folder
from stt_shared.checkfile.model import Check, Query, QueryType
from stt_shared.checkfile.parts import FOLDER
from stt_shared.checkfile.policies import faults_of, faults_of_remediations, faults_of_samples
from stt_shared.checkfile.remediation import fix_of
from stt_shared.checkfile.samples import Expected, Sample
from stt_shared.errors import ConfigError
from stt_shared.pack.folder_serial import current_serial, raise_serial, read_serial
from stt_shared.protocol.enums import Family, Outcome, Severity

CHECKS = list(builtin().checks.values())
EACH = pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])


@EACH
def test_folder_names_the_check(check: Check) -> None:
    assert (builtin_folder() / check.family / check.name / "check.yaml").is_file()
    assert (builtin_folder() / check.family / check.name / "samples.yaml").is_file()


def test_every_folder_is_a_check() -> None:
    folders = {file.parent.name for file in builtin_folder().rglob("*.yaml")}
    assert folders - {builtin_folder().name, FOLDER} == set(builtin().checks)


@EACH
def test_the_content_follows_every_policy(check: Check) -> None:
    assert list(faults_of(check)) == []


@EACH
def test_the_samples_pass_fail_and_are_malformed(check: Check) -> None:
    found, faults = faults_of_samples(builtin_folder() / check.family / check.name)
    assert [*faults, *faults_of_remediations(check, found)] == []


def test_a_check_with_bare_statements_is_a_fault_once_its_family_has_remediations_as_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(policies, "AS_DATA", frozenset({Family.MYSQL}))
    bare = Expected(severity=Severity.MAJOR, object="x", remediation="SET GLOBAL x = 1")
    given = sample(findings=(bare,))
    assert "no sample has a remediation" in "".join(faults_of_remediations(GOOD, [given]))
    assert list(faults_of_remediations(replace(GOOD, family=Family.MONGODB), [given])) == []
    whole = fix_of({"statement": "x", "effect": "e", "before": "b", "undo": "u"} | KEPT)
    given = sample(findings=(replace(bare, remediation=whole),))
    assert list(faults_of_remediations(GOOD, [given])) == []


GOOD = builtin().checks["mysql_local_infile"]
KEPT = {"restart": "none", "persistent": "p"}


def sample(**fields: Any) -> Sample:
    return Sample(name="s", server={}, docs=[], outcome=Outcome.FAILED, **fields)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"summary": "It is wrong."}, "without a full stop"),
        ({"category": "colour"}, "category is 'colour', expected one of authentication"),
        ({"script": "def check_context(docs, context):\n    return []"}, "names no severity"),
        ({"script": '"error"'}, "severity 'error' in the script, expected one of critical"),
        ({"references": ()}, "references are missing"),
        ({"references": ("CIS MySQL 4.1",)}, "is not a benchmark with edition"),
        ({"privileges": {"mysql": ()}}, "privileges are declared for mysql, not for mariadb"),
        ({"remediation": "Change it. Undo it."}, "whether it needs a restart"),
        ({"remediation": "It works at once."}, "how to undo it"),
        (
            {"queries": (Query(type=QueryType.MYSQL_SELECT, text="1; DROP TABLE x"),)},
            "contains a semicolon",
        ),
        (
            {"queries": (Query(type=QueryType.MYSQL_SELECT, text="authentication_string FROM u"),)},
            "returns password hashes",
        ),
        (
            {
                "family": Family.POSTGRESQL,
                "queries": (Query(type=QueryType.POSTGRESQL_SELECT, text="1 FROM pg_roles"),),
            },
            "without pg_catalog",
        ),
    ],
)
def test_each_policy_says_what_breaks_it(changed: dict[str, Any], fault: str) -> None:
    faults = list(faults_of(replace(GOOD, **changed)))
    assert any(fault in one for one in faults), faults


def test_both_account_checks_ask_the_same_questions_so_that_a_job_asks_once() -> None:
    empty, anonymous = (
        builtin().checks[name] for name in ("mysql_empty_password", "mysql_anonymous_users")
    )
    assert empty.queries == anonymous.queries


def test_names_and_aliases_are_unique() -> None:
    names = [name for check in CHECKS for name in (check.name, *check.aliases)]
    assert len(names) == len(set(names))


def test_changed_content_has_a_changed_serial() -> None:
    found = read_serial(builtin_folder())
    assert found is not None
    assert found.content == builtin().pack, "the content changed: stt pack serial checks"


def test_a_pack_is_refused_the_serial_of_other_content(tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    shutil.copytree(
        builtin_folder() / "mysql" / "mysql_local_infile", folder / "mysql/mysql_local_infile"
    )
    shutil.copytree(builtin_folder() / "parts", folder / "parts")
    assert (current_serial(folder), raise_serial(folder).serial, current_serial(folder)) == (
        None,
        1,
        1,
    )
    file = folder / "mysql" / "mysql_local_infile" / "check.yaml"
    file.write_text(file.read_text().replace("Clients may be", "Some clients may be"))
    with pytest.raises(ConfigError, match="not that of serial 1"):
        current_serial(folder)
    assert (raise_serial(folder).serial, current_serial(folder), raise_serial(folder).serial) == (
        2,
        2,
        2,
    )
