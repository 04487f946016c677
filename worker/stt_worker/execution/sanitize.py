"""Cleans texts and values of scripts and servers: JSON, bounded, without secrets."""

from __future__ import annotations

import math
from typing import Any, cast

from stt_shared.redaction import HIDDEN, hide_text, hide_value

__all__ = ["HIDDEN", "MAX_ROWS", "MAX_TEXT_CHARACTERS", "plain", "rows", "text"]

MAX_ROWS = 50  # of evidence per finding
MAX_TEXT_CHARACTERS = 4_000
# Secrets are removed before the text is cut: half a secret would not be recognised.
MAX_SEARCHED_CHARACTERS = 64 * 1024
_SMALLEST, _GREATEST = -(2**63), 2**63 - 1


def text(value: str, limit: int = MAX_TEXT_CHARACTERS) -> str:
    """`value` without secrets, as valid UTF-8 of at most `limit` characters."""
    return _cut(hide_text(value[:MAX_SEARCHED_CHARACTERS]), limit)


def _cut(value: str, limit: int = MAX_TEXT_CHARACTERS) -> str:
    short = value if len(value) <= limit else value[: limit - 1] + "…"
    return short if short.isascii() else short.encode("utf-8", "replace").decode("utf-8")


def plain(value: Any) -> Any:
    """`value` as a JSON value without secrets; deep nesting is cut."""
    return _bounded(hide_value(value))


def _bounded(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if _SMALLEST <= value <= _GREATEST else _cut(str(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {
            _cut(key): _bounded(inner) for key, inner in cast("dict[str, object]", value).items()
        }
    if isinstance(value, list):
        return [_bounded(inner) for inner in cast("list[object]", value)]
    return _cut(value) if isinstance(value, str) else value


def rows(value: Any) -> tuple[dict[str, Any], ...]:
    """The rows of `evidence`: at most MAX_ROWS, and one that counts the rest.

    Raises ValueError if it is neither a dict nor a list of dicts.
    """
    found = cast("list[object]", value if isinstance(value, list) else [value])
    if not all(isinstance(row, dict) for row in found):
        raise ValueError("evidence is not a list of dicts")
    shown = [plain(row) for row in found[:MAX_ROWS]]
    more = len(found) - MAX_ROWS
    return (*shown, {"rows_not_shown": more}) if more > 0 else tuple(shown)
