"""The ending of a file or the name before it chooses the format."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_shared.errors import UsageError
from stt_shared.report.formats.names import ENDINGS, Export, ReportFormat, export


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_ending_of_a_file_names_its_format(ending: str) -> None:
    assert export(f"dir/q4{ending.upper()}").form is ENDINGS[ending]


def test_a_format_before_the_file_beats_its_ending() -> None:
    assert export("junit:a:b.json") == Export(Path("a:b.json"), ReportFormat.JUNIT)


@pytest.mark.parametrize("text", ["report", "report.pdf", "sarif:", "csv"])
def test_a_file_of_no_known_format_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        export(text)
    assert text in refused.value.message
