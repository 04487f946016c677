"""Each flow of docs/architecture.md names functions that exist, and goes straight through them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.house import FLOWS, FLOWS_HEADING, file_of, flows, sources, stays

ROOT = Path(__file__).parents[2]
TOLD = flows(ROOT)
CODE = sources(ROOT)
MAX_LINES, MAX_STAYS, MAX_RETURNS = 10, 10, 3
# A flow is a `### title` below `## Flows`; its functions are in backticks, in order, with their
# module: `ingest.Ingest.run`.
if not TOLD:
    pytest.skip(f"{FLOWS} has no {FLOWS_HEADING!r} yet", allow_module_level=True)


@pytest.mark.parametrize("title", TOLD)
def test_every_function_of_a_flow_exists(title: str) -> None:
    assert TOLD[title], "it names none"
    assert [name for name in TOLD[title] if file_of(name, CODE) is None] == []


@pytest.mark.parametrize("title", TOLD)
def test_a_flow_enters_few_files_and_hardly_one_twice(title: str) -> None:
    entered, again = stays(TOLD[title], CODE)
    assert entered <= MAX_STAYS
    assert again <= MAX_RETURNS


@pytest.mark.parametrize("title", TOLD)
def test_a_flow_is_told_in_ten_lines(title: str) -> None:
    text = (ROOT / FLOWS).read_text(encoding="utf-8").partition(f"### {title}\n")[2]
    lines = text.partition("\n#")[0].strip().splitlines()
    assert len(lines) <= MAX_LINES
