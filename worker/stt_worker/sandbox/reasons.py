"""The reason of an error of Starlark, with its line in the script."""

from __future__ import annotations

import re

MAX_REASON_CHARACTERS = 500
SCRIPT = "script"  # the file name in error messages
_MESSAGE = re.compile(
    r"error: (?P<text>.*?)(?:\n +--> (?P<file>[^\n:]+):(?P<line>\d+)|\Z)", re.DOTALL
)
_EXPECTED = re.compile(r", expected one of .*", re.DOTALL)  # followed by a list of all symbols
_FRAME = re.compile(r"^  \* script:(?P<line>\d+), in ", re.MULTILINE)


def reason_of(error: Exception) -> str:
    """The error and its line in the script, without the source around it."""
    text = str(error)
    places = list(_MESSAGE.finditer(text))
    if not places:
        return " ".join(text.split())[:MAX_REASON_CHARACTERS]
    found = places[-1]
    message = " ".join(_EXPECTED.sub("", found["text"]).split())[:MAX_REASON_CHARACTERS]
    message = message.removeprefix("Parse error: ")
    if found["file"] == SCRIPT:
        return f"line {found['line']}: {message}"
    # In a function of a prelude: the line of the script that called it.
    frames = list(_FRAME.finditer(text))
    return f"line {frames[-1]['line']}: {message}" if frames else message
