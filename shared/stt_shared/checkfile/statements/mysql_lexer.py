"""Split a MySQL or MariaDB statement into tokens, if every mode of the server does it equally.

The end of a string depends on sql_mode (NO_BACKSLASH_ESCAPES), the meaning of double quotes on
ANSI_QUOTES, and a comment may be code (`/*! */`, `/*M! */`) or a hint (`/*+ */`). A text that two
modes or two versions of the server would split differently is rejected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from stt_shared.checkfile.statements.limits import MAX_TOKENS
from stt_shared.checkfile.statements.refused import RefusedError

MAX_DEPTH = 40  # of parentheses; the parser recurses


class Kind(Enum):
    """The kind of a token."""

    WORD = "word"
    QUOTED = "quoted"  # an identifier in backticks
    STRING = "string"
    DOUBLE = "double"  # a string, or an identifier under ANSI_QUOTES
    NUMBER = "number"
    VARIABLE = "variable"  # @@name
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Token:
    """A token; `text` as written, `word` in upper case and without quotes."""

    kind: Kind
    text: str

    @property
    def word(self) -> str:
        """The text for comparisons of names."""
        return self.text.strip('`"').upper()


# A backslash before the closing quote ends the string in one mode and not in the other.
_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+
        | /\*[ \t\r\n](?:[^*/]|\*(?!/)|/(?!\*))*\*/
        | --[ \t][^\x00-\x08\x0a-\x1f\x7f]*(?=\r?\n|\Z))
    | (?P<string>'(?:[^'\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|''|\\[^'\x00-\x1f\x7f])*')
    | (?P<double>"(?:[^"\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|""|\\[^"\x00-\x1f\x7f])*")
    | (?P<quoted>`[^`\x00-\x1f\x7f]+`(?!`))
    | (?P<number>(?>0x[0-9a-fA-F]+|0b[01]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w$.]))
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?![\w$]))
    | (?P<variable>@@[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*(?![\w$.]))
    | (?P<sign>[(),.=<>!+%&|^~]|\*(?!/)|/(?!\*)|-(?!-)|@(?=['"`]))
    """,
    re.VERBOSE,
)
_MEANINGS = {
    "/*!": "an executable comment",
    "/*M": "an executable comment",
    "/*m": "an executable comment",
    "/*+": "an optimizer hint",
    ":=": "an assignment",
}
SPACES = " \t\r\n"
_SHOWN = 12  # characters of a rejected text


def tokens(text: str) -> tuple[list[Token], str]:
    """The tokens of `text`, and the text with a space for each comment; raises RefusedError."""
    text = text.rstrip(SPACES).removesuffix(";")  # a final semicolon, as in files of PMM
    found: list[Token] = []
    pieces: list[str] = []
    position = depth = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise RefusedError(_unreadable(text[position:]))
        position = match.end()
        if match.lastgroup == "space":
            pieces.append(" ")
            continue
        pieces.append(match[0])
        found.append(Token(Kind(match.lastgroup), match[0]))
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth < 0:
            raise RefusedError("a closing parenthesis without an opening one")
        # While splitting: the parser recurses, and a deep text would end the process.
        if depth > MAX_DEPTH or len(found) > MAX_TOKENS:
            limits = f"{MAX_TOKENS} tokens and {MAX_DEPTH} nested parentheses"
            raise RefusedError(f"the limits are {limits}")
    return found, "".join(pieces)


def _unreadable(rest: str) -> str:
    for start, meaning in _MEANINGS.items():
        if rest.startswith(start):
            return f"{meaning}, {rest[:_SHOWN]!r}, is not allowed"
    if rest.startswith(";"):
        return "a semicolon is not allowed: a query is one statement"
    return f"{rest[:_SHOWN]!r} is read differently in different modes of the server"
