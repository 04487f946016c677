"""The file of exceptions kept in git: exported, imported, wrong lines refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_shared.errors import ConfigError
from stt_shared.protocol.codec import decode
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.suppressions import (
    ImportedSuppression,
    ImportReply,
    ImportRequest,
    SuppressionEntry,
    SuppressionInfo,
    SuppressionsReply,
)
from stt_shared.suppression import file as suppressions_file
from tests.support.cli.service import Service, Stt
from tests.support.cli.suppressions import suppression


def test_what_export_prints_import_sends(service: Service, stt: Stt, tmp_path: Path) -> None:
    records = [
        suppression(),
        suppression(id="x_b", site="", finding="f_1", target="t1", reason="é: 'x' # \U0001f600"),
        suppression(id="on", severity=Severity.TRIVIAL, until=None),
    ]
    infos = tuple(SuppressionInfo(exception=one, state="live") for one in records)
    service.answer(Verb.EXCEPTIONS, SuppressionsReply(exceptions=infos, total=3))
    code, out, _ = stt("exceptions", "export")
    assert code == 0
    file = tmp_path / "exceptions.yaml"
    file.write_text(out, encoding="utf-8")
    imported = (
        ImportedSuppression(id="x_abc", what="unchanged"),
        ImportedSuppression(id="x_b", what="added"),
    )
    service.answer(Verb.EXCEPTIONS_IMPORT, ImportReply(exceptions=imported))
    code, out, err = stt("exceptions", "import", str(file), "--by", "ci")
    first, second = (decode(ImportRequest, data) for data in service.asked[-2:])
    assert (first.dry_run, second.dry_run, second.by) == (True, False, "ci")
    assert {one.id: one for one in second.exceptions} == {
        one.id: SuppressionEntry(
            **{name: getattr(one, name) for name in SuppressionEntry.__struct_fields__}
        )
        for one in records
    }
    assert (code, out) == (0, "ID\tWHAT\nx_abc\tunchanged\nx_b\tadded\n")
    assert err == ["1 unchanged, 1 added"]


def test_a_dry_run_of_import_is_one_question_that_changes_nothing(
    service: Service, stt: Stt, tmp_path: Path
) -> None:
    file = tmp_path / "e.yaml"
    file.write_text("exceptions:\n- {id: a, reason: r, check: c, site: s, until: 2026-12-01}\n")
    imported = (ImportedSuppression(id="a", what="added"),)
    service.answer(Verb.EXCEPTIONS_IMPORT, ImportReply(exceptions=imported))
    _, _, err = stt("exceptions", "import", str(file), "--dry-run")
    assert [decode(ImportRequest, data).dry_run for data in service.asked] == [True]
    assert err == ["1 added (nothing was changed: --dry-run)"]


def test_the_example_of_the_manual_is_a_file_that_is_taken_in(tmp_path: Path) -> None:
    manual = Path(__file__).parents[4] / "docs" / "operating.md"
    _, _, rest = manual.read_text(encoding="utf-8").partition("```yaml\nexceptions:")
    example, _, _ = rest.partition("```")
    file = tmp_path / "e.yaml"
    file.write_text(f"exceptions:{example}")
    assert [one.id for one in suppressions_file.read(file)] == [
        "orders-upgrade-2027",
        "lab-versions",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("exceptions: {}", "expected a mapping with the list 'exceptions'"),
        ("exceptions:\n- {id: a, reason: b, untill: 2026-12-01}", "2: unknown field 'untill'"),
        ("exceptions:\n- {id: a}", "2: object missing required field `reason`"),
        ("exceptions:\n- {id: a, reason: r, until: later}", "2: invalid"),
        ("exceptions:\n- {id: 7, reason: r}", "2: expected `str`, got `int`"),
        ("exceptions:\n- {id: a, id: b}", "2: key 'id' twice"),
        ("exceptions: [", "not valid YAML"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line(
    tmp_path: Path, text: str, sentence: str
) -> None:
    file = tmp_path / "e.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        suppressions_file.read(file)
    assert sentence in caught.value.message
    with pytest.raises(ConfigError, match="cannot read"):
        suppressions_file.read(tmp_path / "no.yaml")
