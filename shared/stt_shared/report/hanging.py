"""Wraps a line so that it continues below its text, and labels stand alone at the left."""

from __future__ import annotations

import re
from io import StringIO

from rich.console import Console
from rich.text import Text

DEEPER = 2  # columns that a line without a label is indented by where it continues
MIN_ROOM = 30  # columns beside a label; with less of them the label is part of the text
_LABEL = re.compile(r".*\S {2,}(?=\S)")  # up to the last gap of two blanks or more
_PLAIN = Console(file=StringIO(), force_terminal=False)


def hanging(line: Text, width: int) -> list[Text]:
    """The lines that `line` becomes on a terminal of `width` columns."""
    if line.cell_len <= width:
        return [line]
    leading = len(line.plain) - len(line.plain.lstrip())
    label = _LABEL.match(line.plain)
    if label and width - label.end() >= MIN_ROOM:
        begin = indent = label.end()
    else:
        begin, indent = leading, leading + DEEPER if leading else 0
    # What stands before the text is not wrapped: words of the text alone are moved down.
    before, text = line.divide([begin])
    parts = text.wrap(_PLAIN, width - indent)
    for part in parts:
        part.rstrip()
    first, *others = parts
    return [before.append_text(first), *(Text(" " * indent).append_text(one) for one in others)]
