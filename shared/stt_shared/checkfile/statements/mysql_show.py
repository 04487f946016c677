"""The closed list of SHOW forms that a check may use, with LIKE or WHERE."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stt_shared.checkfile.statements.mysql_lexer import Kind, Token
from stt_shared.checkfile.statements.refused import RefusedError

WHERE = "WHERE"
# `s` is a string, `n` a name, [ ] is optional, | separates alternatives.
FORMS = (
    "[GLOBAL|SESSION|LOCAL] VARIABLES|STATUS [filter]",
    "DATABASES|SCHEMAS|COLLATION [filter]",
    "CHARACTER SET [filter]",
    "CHARSET [filter]",
    "PROCEDURE|FUNCTION STATUS [filter]",
    "PLUGINS",
    "PLUGINS SONAME s",
    "ENGINES",
    "STORAGE ENGINES",
    "ENGINE n STATUS|MUTEX",
    "PRIVILEGES",
    "[FULL] PROCESSLIST",
    "GRANTS",
    "GRANTS FOR CURRENT_USER",
    "GRANTS FOR s|n",
    "GRANTS FOR s|n @ s|n",
    "CREATE USER s|n @ s|n",
    "CREATE USER CURRENT_USER",
    "CREATE DATABASE|SCHEMA n",
    "CREATE TABLE|VIEW|PROCEDURE|FUNCTION|EVENT|TRIGGER n . n",
    "MASTER STATUS",
    "BINLOG STATUS",
    "BINARY LOG STATUS",
    "BINARY|MASTER LOGS",
    "[ALL] SLAVES|REPLICAS STATUS",
    "SLAVE|REPLICA STATUS [FOR CHANNEL s]",
    "SLAVE HOSTS",
    "REPLICAS",
    "[FULL] TABLES FROM|IN n [filter]",
    "TABLE STATUS FROM|IN n [filter]",
    "[FULL] COLUMNS|FIELDS FROM|IN n . n [filter]",
    "[FULL] COLUMNS|FIELDS FROM|IN n FROM|IN n [filter]",
    "INDEX|INDEXES|KEYS FROM|IN n . n",
    "INDEX|INDEXES|KEYS FROM|IN n FROM|IN n",
    "OPEN TABLES [filter]",
    "OPEN TABLES FROM|IN n [filter]",
    "EVENTS|TRIGGERS FROM|IN n [filter]",
    "AUTHORS",
    "PACKAGE STATUS",
    "USER_STATISTICS",
    "CLIENT_STATISTICS",
)
_NAMES = {Kind.QUOTED: "n", Kind.STRING: "s", Kind.DOUBLE: "s", Kind.WORD: "n"}


def _pattern(form: str) -> str:
    """The regular expression of one form; each word ends in a space."""
    found, name = "", r"(?:n |[A-Z_][A-Z0-9_]* )"
    for part in re.findall(r"\[[^\]]+\]|\S+", form):
        words = part.strip("[]")
        if words == "filter":
            one = "(?:LIKE s |(?P<where>WHERE .*))"
        else:
            alternatives = (
                "".join(name if word == "n" else re.escape(word) + " " for word in one.split())
                for one in words.split("|")
            )
            one = f"(?:{'|'.join(alternatives)})"
        found += f"{one}?" if part.startswith("[") else one
    return found


_FORMS = tuple(re.compile(_pattern(form)) for form in FORMS)


def condition_of(found: Sequence[Token]) -> str:
    """The word WHERE as written if this SHOW has a condition, else an empty text.

    Raises RefusedError for a form that is not in the list.
    """
    written = (
        token.word if token.kind is Kind.WORD else _NAMES.get(token.kind, token.text)
        for token in found
    )
    text = "".join(f"{word} " for word in written)
    where = (token.text for token in found if token.kind is Kind.WORD and token.word == WHERE)
    for form in _FORMS:
        match = form.fullmatch(text)
        if match is not None:
            return next(where) if "where" in form.groupindex and match["where"] else ""
    words = " ".join(token.text for token in found[:3])
    raise RefusedError(f"SHOW {words} is not an allowed form of SHOW")
