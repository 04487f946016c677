"""Removes passwords from answers of PostgreSQL, anywhere in a text."""

from __future__ import annotations

import re
from typing import Any, cast

from stt_worker.databases.inspection import HIDDEN
from stt_worker.databases.port import Row
from stt_worker.databases.values import Array

# Names of options that hold a secret; some names that contain 'password' do not.
_NAME = (
    r"(?!password_(?:encryption|required)\b)"
    r"\w*(?:passw(?:or)?d|passphrase|pwd|secrets?|token|api_?key|access_?key)\w*"
)
_VALUE = r"""(?:'(?:[^'\\]|\\.|'')*'?|"(?:[^"\\]|\\.|"")*"?|[^\s;&'"]+)"""
_OPTION = re.compile(rf"""(?i)\b({_NAME})("?\s*[=:]\s*){_VALUE}""")
_WHOLE_OPTION = re.compile(rf"(?is)^({_NAME})=.+$")  # an item of a list: the rest is the value
_URL = re.compile(r"(://[^/?#@\s:]*:)\S*@")
# Messages about pg_hba.conf quote the text that they reject, in any language. The texts quoted by
# these messages are harmless; of other messages only the words before the first quote are kept.
_MESSAGES = frozenset({"error", "fault"})  # columns
_HARMLESS = re.compile(
    r"(?:invalid (?:connection type|authentication method|IP address|IP mask|regular expression)"
    r"|end-of-line before|missing entry|multiple values|could not open|unterminated quoted string)"
)
_REPEATED = re.compile(r"[^\w\s=,.()/-].*", re.DOTALL)
_COMMAND = re.compile(r"(?i)passphrase_command$")  # a setting whose value runs or holds a secret
_SUSPECT = re.compile(
    rb'(?i)passw|passphrase|pwd|secret|token|api_?key|access_?key|://|"(?:error|fault)":"'
)


def is_suspect(encoded: bytes) -> bool:
    """Whether a row, as JSON, may contain a password: a fast test before the slow one."""
    return _SUSPECT.search(encoded) is not None


def without_passwords(row: Row) -> Row:
    """`row` with HIDDEN in place of each password in its texts and lists."""
    cleaned: Row = {}
    for name, value in row.items():
        is_quoting = name in _MESSAGES and isinstance(value, str) and not _HARMLESS.match(value)
        cleaned[name] = _cleaned(_REPEATED.sub(HIDDEN, value) if is_quoting else value)
    if _COMMAND.search(str(row.get("name", ""))) and row.get("setting"):
        cleaned["setting"] = HIDDEN
    return cleaned


def text_without_passwords(text: str) -> str:
    """`text` with HIDDEN in place of each password in options and URLs."""
    text = _OPTION.sub(rf"\1\2{HIDDEN}", text)
    return _URL.sub(rf"\1{HIDDEN}@", text)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return text_without_passwords(value)
    if isinstance(value, Array):
        items = [_item(one) for one in value]
        return Array(items, text_without_passwords(value.written)) if items != value else value
    if isinstance(value, list):
        return [_item(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: _cleaned(one) for key, one in cast("dict[str, object]", value).items()}
    return value


def _item(value: object) -> Any:
    if isinstance(value, str) and (found := _WHOLE_OPTION.match(value)):
        return f"{found[1]}={HIDDEN}"
    return _cleaned(value)
