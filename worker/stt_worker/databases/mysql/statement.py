"""The statement that is sent for a question to MySQL, or the failure."""

from __future__ import annotations

from functools import lru_cache

from stt_shared.checkfile.model import QueryType, Question
from stt_shared.checkfile.statements.mysql_lexer import Kind as Word
from stt_shared.checkfile.statements.mysql_lexer import tokens
from stt_shared.checkfile.statements.read_only import MAX_REMEMBERED, refusal
from stt_shared.protocol.enums import Kind
from stt_worker.databases.mysql.pins import NAMES
from stt_worker.databases.port import Failure

_WORDS = {QueryType.MYSQL_SELECT: "SELECT", QueryType.MYSQL_SHOW: "SHOW"}
_SESSION = frozenset({"SESSION", "LOCAL"})
# Tables and columns with the settings of our own session, which the pins changed.
_OF_SESSION = frozenset({"SESSION_VARIABLES", "SESSION_VALUE", "VARIABLES_BY_THREAD"})


@lru_cache(maxsize=MAX_REMEMBERED)
def statement(question: Question) -> str | Failure:
    """One reading statement; SHOW VARIABLES reads global variables, as the pins changed ours."""
    word = _WORDS.get(question.type)
    if word is None:
        return Failure(kind=Kind.QUERY, reason=f"{question.type} is not a query type of MySQL")
    text = question.text
    if why := refusal(question.type, text):
        return Failure(kind=Kind.QUERY, reason=f"not sent: {why}")
    found, cleaned = tokens(text)
    for token in found:
        scope, _, name = token.word.removeprefix("@@").rpartition(".")
        pinned = token.kind is Word.VARIABLE and scope != "GLOBAL" and name.lower() in NAMES
        if pinned or (token.kind in {Word.WORD, Word.QUOTED} and token.word in _OF_SESSION):
            why = f"{token.text} is a setting of the worker's own session: use the global value"
            return Failure(kind=Kind.QUERY, reason=f"not sent: {why}")
    if question.type is QueryType.MYSQL_SHOW:
        words = [token.word for token in found[:2]]
        if words[:1] == ["VARIABLES"]:
            text = f"GLOBAL {cleaned.lstrip()}"
        elif words[1:] == ["VARIABLES"] and words[0] in _SESSION:
            text = f"GLOBAL {cleaned.lstrip()[len(words[0]) :]}"
    return f"{word} {text}"
