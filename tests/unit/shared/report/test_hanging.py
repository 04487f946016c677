"""Lines of a terminal continue below their text, and none is longer than the terminal."""

from __future__ import annotations

import pytest
from rich.text import Text

from stt_shared.report.hanging import hanging

WORDS = "several words that do not fit into the terminal that they are printed on"


@pytest.mark.parametrize(
    ("line", "indent"),
    [
        (f"ok   NATS sync to disk  {WORDS}", 24),
        (f"    gone            1   {WORDS}", 24),
        (f"ok   consumer w_eu-west_mysql {WORDS}", 5),
        (f"  warning: {WORDS}", 4),
        (f"     to do: {WORDS}", 7),
        (WORDS, 0),
        (f"  {'a label that leaves no room for a text beside it':<50}  {WORDS}", 4),
    ],
)
def test_a_line_continues_below_its_text(line: str, indent: int) -> None:
    found = [part.plain for part in hanging(Text(line), 60)]
    assert len(found) > 1
    assert {len(part) - len(part.lstrip()) for part in found[1:]} == {indent}
    assert max(map(len, found)) <= 60
    assert " ".join(" ".join(found).split()) == " ".join(line.split())


def test_a_line_that_fits_stays_as_it_is_with_its_style() -> None:
    line = Text("  short", "warn")
    assert hanging(line, 60) == [line]
    parts = hanging(Text(f"  warning: {WORDS}", "warn"), 40)
    assert all(
        "warn" in {str(part.style), *(str(one.style) for one in part.spans)} for part in parts
    )
