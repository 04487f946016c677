"""Each flow of docs/architecture.md names functions that exist, and goes straight through them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.house import FLOWS, FLOWS_HEADING, file_of, flows, sources, stays

ROOT = Path(__file__).parents[2]
FLOWS_OF = flows(ROOT)
CODE = sources(ROOT)
MAX_LINES, MAX_RETURNS = 10, 3
# A flow is a `### title` below `## Flows`; its functions are in backticks, in order, with their
# module: `ingest.Ingest.run`.
MAX_STAYS = {
    "A job, from its delivery to its settlement": 10,
    "Result bytes, from their delivery to the store": 8,
    "A control message, from the request to the first run": 10,
    "A tick, from its slot to the numbers": 10,
}


def test_the_four_flows_are_described() -> None:
    assert list(FLOWS_OF) == list(MAX_STAYS), f"{FLOWS}, below {FLOWS_HEADING!r}"


@pytest.mark.parametrize("title", FLOWS_OF)
def test_every_function_of_a_flow_exists(title: str) -> None:
    assert FLOWS_OF[title], "it names none"
    assert [name for name in FLOWS_OF[title] if file_of(name, CODE) is None] == []


@pytest.mark.parametrize("title", FLOWS_OF)
def test_a_flow_enters_few_files_and_hardly_one_twice(title: str) -> None:
    entered, again = stays(FLOWS_OF[title], CODE)
    assert entered <= MAX_STAYS[title]
    assert again <= MAX_RETURNS


@pytest.mark.parametrize("title", FLOWS_OF)
def test_a_flow_is_described_in_ten_lines(title: str) -> None:
    text = (ROOT / FLOWS).read_text(encoding="utf-8").partition(f"### {title}\n")[2]
    lines = text.partition("\n#")[0].strip().splitlines()
    assert len(lines) <= MAX_LINES
