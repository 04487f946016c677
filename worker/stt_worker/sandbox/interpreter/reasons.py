"""The reason of an error of Starlark, with its line in the script."""

from __future__ import annotations

import re

MAX_REASON_CHARACTERS = 500
SCRIPT = "script"  # the file name in error messages
_MESSAGE = re.compile(
    r"error: (?P<text>.*?)(?:\n +--> (?P<file>[^\n:]+):(?P<line>\d+)|\Z)", re.DOTALL
)
_AT_END = re.compile(r"error: Parse error: (?P<text>[^,\n]*)[^\n]*\n--> script:1:1\n \|\n \|\n?\Z")
_EXPECTED = re.compile(r", expected one of .*", re.DOTALL)  # followed by a list of all symbols
_FRAME = re.compile(r"^  \* script:(?P<line>\d+), in ", re.MULTILINE)


def reason_of(error: Exception, source: str = "") -> str:
    """The error and its line in the script `source`, without the source around it."""
    text = str(error)
    if source and (found := _AT_END.match(text)):
        # The engine gives the first line for a script that ends too early.
        line = source.rstrip().count("\n") + 1
        return f"line {line}: {found['text']}, the script ends too early"
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
