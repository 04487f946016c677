"""A check file gives its checks, or every fault at once with its line; it never raises."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stt_shared.checkfile.catalogue import builtin, builtin_folder, load, unknown_names
from stt_shared.checkfile.model import QueryType
from stt_shared.checkfile.parse import parse_checks
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Family, Interval

GOOD = """\
checks:
  - version: 2
    name: mysql_example
    summary: Something is wrong
    description: An attacker gains something.
    family: MYSQL
    interval: rare
    queries:
      - type: MYSQL_SELECT
        name: accounts
        when: mysql >= 8.0.27
        query: 1 AS one
      - type: MYSQL_SELECT
        name: accounts
        query: 2 AS one
    script: |
      def check_context(docs, context):
          return []
"""
OF_PMM = """\
---
checks:
  - version: 1
    name: mongodb_old
    summary: Old
    description: Old version.
    tiers: [anonymous, registered]
    unknown_of_pmm: 1
    type: MONGODB_BUILDINFO
    script: |
      def check(docs):
          return []
      def check_context(docs, context):
          return check(docs)
---
checks:
  - version: 2
    name: postgresql_all
    summary: All databases
    description: Looks everywhere.
    advisor: dev
    family: POSTGRESQL
    queries:
      - type: POSTGRESQL_SELECT
        query: datname FROM pg_database
        parameters:
          all_dbs: true
    script: |
      def check_context(docs, context):
          return []
"""


def faults(text: str, *, strict: bool = True) -> list[str]:
    return [str(fault) for fault in parse_checks(text, "f.yaml", strict=strict).faults]


def test_a_good_check_is_read_whole() -> None:
    parsed = parse_checks(GOOD, "f.yaml", strict=True)
    assert parsed.faults == ()
    (check,) = parsed.checks
    assert (check.name, check.family, check.interval) == (
        "mysql_example",
        Family.MYSQL,
        Interval.RARE,
    )
    assert [(q.name, q.text) for q in check.queries] == [
        ("accounts", "1 AS one"),
        ("accounts", "2 AS one"),
    ]
    assert check.queries[0].when is not None


def test_a_family_may_be_called_technology_in_files_of_pmm_only() -> None:
    text = OF_PMM.replace("family: POSTGRESQL", "technology: POSTGRESQL")
    assert parse_checks(text, "f.yaml", strict=False).checks[1].family is Family.POSTGRESQL
    faults = parse_checks(text, "f.yaml", strict=True).faults
    assert any("family is None" in fault.message for fault in faults)


def test_files_of_pmm_of_both_versions_load_unchanged() -> None:
    parsed = parse_checks(OF_PMM, "f.yaml", strict=False)
    assert parsed.faults == ()
    old, new = parsed.checks
    assert (old.version, old.family, old.queries[0].type) == (
        1,
        Family.MONGODB,
        QueryType.MONGODB_BUILDINFO,
    )
    assert new.queries[0].all_dbs


def test_the_digest_is_of_the_content_not_of_how_it_is_written() -> None:
    text = yaml.safe_dump(yaml.safe_load(GOOD), sort_keys=True)
    one, two = (parse_checks(t, "f", strict=True).checks[0].digest for t in (GOOD, text))
    assert one == two
    changed = GOOD.replace("Something is", "Something else is")
    assert parse_checks(changed, "f", strict=True).checks[0].digest != one


def test_every_fault_is_reported_at_once_with_its_line() -> None:
    bad = GOOD.replace("family: MYSQL", "family: ORACLE\n    colour: red").replace("rare", "weekly")
    bad = bad.replace("mysql >= 8.0.27", "mysqll").replace("      def", "      #def")
    found = "\n".join(faults(bad))
    assert "f.yaml:6: mysql_example: family is 'ORACLE'" in found
    assert "f.yaml:7: mysql_example: unknown field 'colour'" in found
    assert "interval is 'weekly', expected one of standard, frequent, rare" in found
    assert "unknown flavour 'mysqll'" in found
    assert "does not define check_context" in found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 2", "version: 3", "version is 3, expected 1 or 2"),
        ("name: mysql_example", "name: my-check", "name is 'my-check'"),
        ("Something is wrong", "x" * 101, "summary has 101 characters, the limit is 100"),
        ("Something is wrong", '""', "summary is missing or empty"),
        ("type: MYSQL_SELECT", "type: MYSQL_DROP", "query type is 'MYSQL_DROP'"),
        ("type: MYSQL_SELECT", "type: MONGODB_BUILDINFO", "has no text"),
        ("family: MYSQL", "family: POSTGRESQL", "type MYSQL_SELECT in a check of POSTGRESQL"),
        ("          return []", "\treturn []", "not valid YAML"),
        ("summary:", "name:", "key 'name' twice"),
        ("checks:", "check:", "expected a mapping with the list 'checks'"),
    ],
)
def test_a_fault_of_any_kind_is_named(old: str, new: str, message: str) -> None:
    assert message in "\n".join(faults(GOOD.replace(old, new)))


def test_an_invalid_check_is_left_out_and_hides_no_other() -> None:
    parsed = parse_checks(OF_PMM.replace("version: 2", "version: 9"), "f", strict=False)
    assert [check.name for check in parsed.checks] == ["mongodb_old"]
    assert len(parsed.faults) == 1


def test_a_bomb_of_aliases_is_a_fault() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "expands to more than" in faults("\n".join(lines))[0]


def test_a_command_outside_the_read_only_list_is_a_fault() -> None:
    text = GOOD.replace("MYSQL_SELECT", "MONGODB_COMMAND").replace("MYSQL", "MONGODB")
    text = text.replace("1 AS one", "{dropDatabase: 1}").replace("2 AS one", "{hello: 1}")
    assert "usersInfo; it has 'dropDatabase'" in "\n".join(faults(text))


@given(st.text(max_size=300))
def test_any_text_is_checks_or_faults(text: str) -> None:
    parsed = parse_checks(text, "f", strict=False)
    assert parsed.checks == ()
    assert all(fault.line >= 1 and fault.message for fault in parsed.faults)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["version", "name", "queries", "type", "script", "family", "when"])
                | st.text(max_size=3),
                inner,
                max_size=6,
            )
        ),
        max_leaves=20,
    )
)
def test_any_yaml_is_checks_or_faults(value: object) -> None:
    text = yaml.safe_dump({"checks": [value]})
    parsed = parse_checks(text, "f", strict=True)
    assert parsed.checks == ()
    assert parsed.faults


def test_one_bad_file_hides_no_other(tmp_path: Path) -> None:
    for name, text in (("mysql_example", GOOD), ("broken", "checks: [")):
        folder = tmp_path / "mysql" / name
        folder.mkdir(parents=True)
        (folder / "check.yaml").write_text(text)
    catalogue = load(tmp_path, strict=True)
    assert list(catalogue.checks) == ["mysql_example"]
    assert len(catalogue.faults) == 1


def test_a_check_must_lie_in_the_folder_of_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "mysql" / "other"
    folder.mkdir(parents=True)
    (folder / "check.yaml").write_text(GOOD)
    (fault,) = load(tmp_path, strict=True).faults
    assert "belongs into mysql/mysql_example/check.yaml" in str(fault)


def test_a_folder_without_checks_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no check files in"):
        load(tmp_path, strict=True)
    with pytest.raises(ConfigError, match="no folder of checks at"):
        load(tmp_path / "none", strict=True)


def test_the_built_in_checks_are_those_of_the_checkout_and_all_good() -> None:
    assert builtin_folder() == Path(__file__).parents[4] / "checks"
    catalogue = builtin()
    assert catalogue.faults == ()
    assert unknown_names(catalogue, ["mysql_versio"]) == [
        "unknown check 'mysql_versio', did you mean 'mysql_version'?"
    ]
    one = next(iter(catalogue.checks.values()))
    assert catalogue.get(one.name, one.digest) is one
    assert catalogue.get(one.name, "0" * 64) is None
