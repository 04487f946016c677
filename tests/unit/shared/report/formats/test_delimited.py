"""CSV has a row for each finding, and no cell of it is a formula."""

from __future__ import annotations

import csv
from io import StringIO

from stt_shared.report.formats.delimited import FORMULA
from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.model import Report
from tests.support.shared import report_cases as cases
from tests.support.shared.rendered import made


def rows(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(made(report, ReportFormat.CSV), newline="")))


def test_csv_has_a_row_per_finding_and_one_per_pair_without() -> None:
    assert sorted(
        (one["status"], one["target"], one["severity"]) for one in rows(cases.ordinary())
    ) == [
        ("accepted", "shop-mysql-2", "critical"),
        ("failed", "carts-mongo-1", "major"),
        ("failed", "orders-mysql-3", "critical"),
        ("failed", "orders-mysql-3", "trivial"),
        ("not_applicable", "orders-mysql-3", ""),
        ("not_checked", "carts-mongo-1", ""),
        ("not_checked", "ledger-pg-9", ""),
        ("not_checked", "ledger-pg-9", ""),
        ("passed", "billing-pg-2", ""),
    ]


def test_no_cell_of_a_csv_is_a_formula() -> None:
    found = rows(cases.hostile())
    assert len(found) == 2 * len(cases.HOSTILE)
    cells = [value for row in found for value in row.values()]
    assert not [cell for cell in cells if cell.startswith(FORMULA)]
    assert "'=cmd|'/C calc'!A0" in cells
