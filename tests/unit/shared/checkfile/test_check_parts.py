"""What checks share stands in one part, and a check is read as if it stood in the check."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_shared.checkfile.catalogue import Catalogue, builtin_folder, load
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Facts
from stt_worker.databases.inspection import encoded, without_secrets
from stt_worker.databases.port import Rows
from stt_worker.execution.plan import docs_of, plan
from stt_worker.execution.sanitize import HIDDEN

PART = """
parts:
  - name: names
    queries:
      - {type: MYSQL_SELECT, query: "User FROM mysql.user", secret: [User]}
    privileges: {mysql: [SELECT ON mysql.user, PROCESS]}
    script: |
      def shared():
          return 1
"""
CHECK = """
checks:
  - version: 2
    name: one
    family: MYSQL
    summary: s
    description: d
    parts: [names]
    privileges: {mysql: [PROCESS, SELECT ON mysql.db]}
    queries:
      - {type: MYSQL_SELECT, query: "2"}
    script: |
      def check_context(docs, context):
          return []
"""


def loaded(folder: Path, part: str = PART, check: str = CHECK) -> Catalogue:
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "names.yaml").write_text(part)
    (folder / "mysql" / "one").mkdir(parents=True)
    (folder / "mysql" / "one" / "check.yaml").write_text(check)
    return load(folder, strict=True)


def test_the_parts_queries_script_and_grants_come_before_the_checks_own(tmp_path: Path) -> None:
    one = loaded(tmp_path).checks["one"]
    assert [query.text for query in one.queries] == ["User FROM mysql.user", "2"]
    assert one.script.startswith("def shared():\n    return 1\n\n\ndef check_context")
    assert one.privileges == {"mysql": ("SELECT ON mysql.user", "PROCESS", "SELECT ON mysql.db")}


def test_a_changed_part_changes_the_digest_of_its_checks(tmp_path: Path) -> None:
    before = loaded(tmp_path / "a").checks["one"].digest
    after = loaded(tmp_path / "b", PART.replace("return 1", "return 2")).checks["one"].digest
    assert before != after


@pytest.mark.parametrize(
    ("part", "check", "fault"),
    [
        (PART, CHECK.replace("[names]", "[nmes]"), "no part 'nmes' in this pack, known are names"),
        (PART, CHECK.replace("[names]", "names"), "parts is 'names', expected a list of names"),
        (PART.replace("name: names", "name: n"), CHECK, "the part's name is 'n', expected 'names'"),
        (PART.replace("script:", "skript:"), CHECK, "unknown field 'skript' of a part"),
        (PART.replace("parts:", "pieces:"), CHECK, "expected a mapping with the list 'parts'"),
    ],
)
def test_a_broken_part_is_a_fault_with_its_file(
    tmp_path: Path, part: str, check: str, fault: str
) -> None:
    catalogue = loaded(tmp_path, part, check)
    assert any(fault in str(one) for one in catalogue.faults), catalogue.faults
    assert "one" not in catalogue.checks


def test_every_part_of_the_library_is_used() -> None:
    files = [*builtin_folder().rglob("check.yaml")]
    texts = "".join(file.read_text(encoding="utf-8") for file in files)
    used = {
        name.strip()
        for line in texts.splitlines()
        if line.startswith("    parts: [")
        for name in line.partition("[")[2].rstrip("]").split(",")
    }
    assert used == {file.stem for file in (builtin_folder() / "parts").iterdir()}


def test_a_secret_column_never_reaches_the_script(tmp_path: Path) -> None:
    one = loaded(tmp_path).checks["one"]
    planned = plan(one, Facts(flavour="mysql", version=(8, 4, 0), version_text="8.4.0"))
    rows: Rows = [{"User": "hash"}, {"User": ""}, {"User": None}]
    first, second = planned.views
    answers = {first: encoded(rows, first), second: encoded([{"2": 2}], second)}
    assert docs_of(planned, answers) == [
        [{"User": HIDDEN}, {"User": ""}, {"User": None}],
        [{"2": 2}],
    ]
    assert one.family is Family.MYSQL
    assert rows[0] == {"User": "hash"}


def test_a_secret_path_is_hidden_in_documents_and_in_the_rows_of_every_database() -> None:
    answer = [{"parsed": {"ldap": {"bind": {"queryPassword": "x", "queryUser": "u"}}}}]
    hidden = without_secrets(answer, ["parsed.ldap.bind.queryPassword"])
    assert hidden == [{"parsed": {"ldap": {"bind": {"queryPassword": HIDDEN, "queryUser": "u"}}}}]
    assert without_secrets({"db": [{"c": "x"}]}, ["c"]) == {"db": [{"c": HIDDEN}]}
    assert without_secrets([{"list": [{"s": "x"}, 1]}], ["list.s"]) == [
        {"list": [{"s": HIDDEN}, 1]}
    ]
